// Says once that the page is painted: nothing of it is still on its way, and the browser has a moment to spare. It
// waits for a run of the page to end, since what is said in the middle of one cuts that run short.

export default function ({ setTriggerValue }) {
  const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 200));
  const busy = '[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-test-script-state="running"]';
  const look = () => {
    if (document.querySelector(busy)) setTimeout(look, 200);
    else idle(() => setTriggerValue("painted", true), { timeout: 5000 });
  };
  setTimeout(look, 200);
}

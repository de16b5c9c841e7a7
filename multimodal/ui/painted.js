// Says once that the page is painted: nothing of it is still on its way, and the browser has a moment to spare.

export default function ({ setTriggerValue }) {
  const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 200));
  const look = () => {
    if (document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]')) setTimeout(look, 200);
    else idle(() => setTriggerValue("painted", true), { timeout: 5000 });
  };
  setTimeout(look, 200);
}

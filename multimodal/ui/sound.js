// Sound player: the recording under a cursor that runs over its spectrogram; click or arrow keys to seek.

const clock = (seconds) => {
  const whole = Math.max(0, seconds);
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(1).padStart(4, "0")}`;
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".sound");
  if (root.dataset.shown === data.id) return root.stop;
  root.stop?.(); // listeners of what was shown before
  root.dataset.shown = data.id;

  const find = (name) => root.querySelector(`[data-role="${name}"]`);
  const [audio, strip, cursor, play] = [find("audio"), find("strip"), find("cursor"), find("play")];
  const aborter = new AbortController();
  const on = (target, type, action) => target.addEventListener(type, action, { signal: aborter.signal });
  const length = data.seconds;
  let frame = 0;
  let until = Infinity;

  find("picture").src = data.spectrogram;
  audio.src = data.wav;
  strip.setAttribute("aria-label", data.alt);
  strip.setAttribute("aria-valuemax", length.toFixed(1));
  find("top").textContent = data.top_khz + " kHz";
  find("middle").textContent = data.top_khz / 2 + " kHz";
  find("end").textContent = length.toFixed(1) + " s";

  const [heat, strength, segments, boxes] = [find("heat"), find("strength"), find("segments"), find("boxes")];
  find("overlay").hidden = heat.hidden = !data.overlay;
  if (data.overlay) heat.src = data.overlay;
  const fade = () => { heat.style.opacity = strength.value / 100; };
  on(strength, "input", fade);
  fade();

  // Each segment is framed on the spectrogram and played by a button of its own.
  boxes.replaceChildren();
  segments.querySelectorAll("button").forEach((button) => button.remove());
  segments.hidden = !data.segments.length;
  for (const { edges: [from, to, low, high], words } of data.segments) {
    const box = document.createElement("div");
    box.className = "box";
    Object.assign(box.style, {
      left: `${(100 * from) / length}%`, width: `${(100 * (to - from)) / length}%`,
      bottom: `${(100 * low) / data.top_hz}%`, height: `${(100 * (Math.min(high, data.top_hz) - low)) / data.top_hz}%`,
    });
    boxes.append(box);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    on(button, "click", () => {
      seek(from);
      until = to;
      audio.play();
    });
    segments.append(button);
  }

  function show() {
    if (audio.currentTime >= until) {
      until = Infinity;
      audio.pause();
    }
    cursor.style.left = `${100 * Math.min(1, audio.currentTime / length)}%`;
    strip.setAttribute("aria-valuenow", audio.currentTime.toFixed(1));
    strip.setAttribute("aria-valuetext", `${audio.currentTime.toFixed(1)} seconds`);
    find("time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
    if (!audio.paused) frame = requestAnimationFrame(show);
  }

  function seek(seconds) {
    audio.currentTime = Math.min(length, Math.max(0, seconds));
    show();
  }

  const toggle = () => {
    until = Infinity;
    return audio.paused ? audio.play() : audio.pause();
  };
  on(play, "click", toggle);
  on(audio, "play", () => { play.textContent = "Pause"; show(); });
  on(audio, "pause", () => { play.textContent = "Play"; show(); });
  on(audio, "seeked", show);
  on(find("slow"), "change", (event) => { audio.playbackRate = event.target.checked ? 0.5 : 1; });
  on(find("loop"), "change", (event) => { audio.loop = event.target.checked; });
  on(strip, "pointerdown", (event) => {
    const box = strip.getBoundingClientRect();
    until = Infinity;
    seek(((event.clientX - box.left) / box.width) * length);
  });
  on(strip, "keydown", (event) => {
    const moves = { ArrowLeft: -0.5, ArrowRight: 0.5 };
    if (event.key === " " || event.key === "Enter") toggle();
    else if (event.key === "Home") seek(0);
    else if (event.key in moves) seek(audio.currentTime + moves[event.key]);
    else return;
    event.preventDefault();
  });

  show();
  root.dataset.ready = "true";
  root.stop = () => {
    cancelAnimationFrame(frame);
    audio.pause();
    aborter.abort();
    delete root.dataset.shown;
  };
  return root.stop;
}

// Film viewer: window, level, zoom and pan on a canvas, with an optional heat map on top.
// The picture carries 16 bits a pixel (red = high byte, green = low byte), so narrow windows do not band.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

async function decode(source) {
  const bitmap = new window.Image();
  bitmap.src = source;
  await bitmap.decode();
  const sheet = document.createElement("canvas");
  sheet.width = bitmap.naturalWidth;
  sheet.height = bitmap.naturalHeight;
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return { sheet, context, raw: context.getImageData(0, 0, sheet.width, sheet.height) };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".film");
  if (root.dataset.shown === data.id) return root.stop;
  root.stop?.(); // listeners of what was shown before
  root.dataset.shown = data.id;

  const find = (name) => root.querySelector(`[data-role="${name}"]`);
  const canvas = find("canvas");
  const [contrast, brightness, strength] = [find("window"), find("level"), find("strength")];
  // Another label of the same film: only the heat map is new, the reader's window and zoom stay.
  const again = root.view?.source === data.film && root.view.film;
  const view = again ? root.view : { source: data.film, zoom: 1, x: 0, y: 0, film: null };
  view.heat = null;
  root.view = view;
  const aborter = new AbortController();
  const on = (target, type, action, options = {}) =>
    target.addEventListener(type, action, { signal: aborter.signal, ...options });

  canvas.setAttribute("aria-label", data.alt);
  canvas.style.aspectRatio = data.shape.join(" / ");
  find("overlay").hidden = !data.overlay;

  function setWindow(low, high) {
    contrast.value = Math.round(100 * (high - low));
    brightness.value = Math.round(50 * (low + high));
    develop();
  }

  // Apply window and level to the stored values.
  function develop() {
    if (!view.film) return;
    const width = Math.max(0.01, contrast.value / 100);
    const low = brightness.value / 100 - width / 2;
    find("window-value").textContent = contrast.value + " %";
    find("level-value").textContent = brightness.value + " %";
    const { raw, context } = view.film;
    const shown = context.createImageData(raw.width, raw.height);
    for (let i = 0; i < raw.data.length; i += 4) {
      const value = (raw.data[i] * 256 + raw.data[i + 1]) / 65535;
      const grey = 255 * clamp((value - low) / width, 0, 1);
      shown.data[i] = shown.data[i + 1] = shown.data[i + 2] = grey;
      shown.data[i + 3] = 255;
    }
    context.putImageData(shown, 0, 0);
    draw();
  }

  function draw() {
    if (!view.film) return;
    const ratio = window.devicePixelRatio || 1;
    const box = canvas.getBoundingClientRect();
    if (!box.width) return;
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    const { sheet } = view.film;
    const scale = Math.min(canvas.width / sheet.width, canvas.height / sheet.height) * view.zoom;
    const [width, height] = [sheet.width * scale, sheet.height * scale];
    const slack = [Math.max(0, (width - canvas.width) / 2), Math.max(0, (height - canvas.height) / 2)];
    view.x = clamp(view.x, -slack[0], slack[0]);
    view.y = clamp(view.y, -slack[1], slack[1]);
    const [left, top] = [(canvas.width - width) / 2 + view.x, (canvas.height - height) / 2 + view.y];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(sheet, left, top, width, height);
    if (view.heat) {
      context.globalAlpha = strength.value / 100;
      context.drawImage(view.heat, left, top, width, height);
      context.globalAlpha = 1;
    }
    find("zoom-value").textContent = Math.round(100 * view.zoom) + " %";
  }

  function zoom(factor) {
    const next = clamp(view.zoom * factor, 1, 8);
    view.x *= next / view.zoom;
    view.y *= next / view.zoom;
    view.zoom = next;
    draw();
  }

  function reset() {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    setWindow(...data.window);
    draw();
  }

  on(contrast, "input", develop);
  on(brightness, "input", develop);
  on(strength, "input", draw);
  on(find("in"), "click", () => zoom(1.25));
  on(find("out"), "click", () => zoom(0.8));
  on(find("reset"), "click", reset);
  on(canvas, "dblclick", reset);
  on(canvas, "wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas && view.zoom === 1) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.1 : 0.9);
  }, { passive: false });

  on(canvas, "pointerdown", (event) => {
    const ratio = window.devicePixelRatio || 1;
    const start = { x: event.clientX, y: event.clientY, left: view.x, top: view.y };
    if (view.zoom > 1) canvas.setPointerCapture(event.pointerId);
    const move = (to) => {
      view.x = start.left + (to.clientX - start.x) * ratio;
      view.y = start.top + (to.clientY - start.y) * ratio;
      draw();
    };
    const stop = () => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", stop);
      canvas.removeEventListener("pointercancel", stop);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", stop);
    canvas.addEventListener("pointercancel", stop);
  });

  on(canvas, "keydown", (event) => {
    const step = 40;
    const actions = {
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": reset,
      ArrowLeft: () => (view.x += step), ArrowRight: () => (view.x -= step),
      ArrowUp: () => (view.y += step), ArrowDown: () => (view.y -= step),
    };
    if (!actions[event.key] || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
    draw();
  });

  const observer = new ResizeObserver(draw);
  observer.observe(canvas);

  if (again) draw();
  else {
    decode(data.film).then((film) => {
      view.film = film;
      reset();
      root.dataset.ready = "true";
    });
  }
  if (data.overlay) {
    decode(data.overlay).then(({ sheet, context, raw }) => {
      for (let i = 0; i < raw.data.length; i += 4) {
        const level = raw.data[i];
        raw.data.set([...data.colour, level], i);
      }
      context.putImageData(raw, 0, 0);
      view.heat = sheet;
      draw();
    });
  }

  root.stop = () => {
    observer.disconnect();
    aborter.abort();
    delete root.dataset.shown;
  };
  return root.stop;
}

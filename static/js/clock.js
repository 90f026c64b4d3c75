/* The time left. */

const SOON = 300000;

function worded(left) {
  const seconds = Math.max(0, Math.round(left / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [h, m, s] = parts.map((part) => String(part).padStart(2, "0"));
  return parts[0] ? `${parts[0]}:${m}:${s}` : `${m}:${s}`;
}

export function makeClock(expires) {
  const place = document.getElementById("time-left");
  let end = Date.parse(expires);

  function draw() {
    const left = end - Date.now();
    place.textContent = worded(left);
    place.classList.toggle("soon", left < SOON);
  }

  const timer = setInterval(draw, 1000);
  draw();
  return {
    until(time) { end = Date.parse(time); draw(); },
    stop() { clearInterval(timer); place.textContent = ""; },
  };
}

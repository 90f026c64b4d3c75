/* What a hostile page tries against the site it was opened from; `?site=` says where that is. */
const said = document.getElementById("said");
const results = { cookie: document.cookie };
async function attempt(name, act) {
  try { results[name] = String(await act()); } catch (error) { results[name] = `refused ${error.name}`; }
}
document.cookie = "sessionid=tossed; domain=localhost; path=/";
document.cookie = "csrftoken=tossed; domain=localhost; path=/";
const site = new URLSearchParams(location.search).get("site");
(async () => {
  await attempt("api", async () => (await fetch(`${site}/api/v1/lessons`, { credentials: "include" })).text());
  await attempt("worker", () => navigator.serviceWorker.register("/tries.js"));
  await attempt("opener", () => window.opener);
  said.textContent = JSON.stringify(results);
})();

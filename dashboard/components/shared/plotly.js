// plotly.js of the installed plotly package, which the server serves: for curves, and to save any figure.

let library; // one promise per window, whoever asks first

function loadPlotly(base) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const root = base ? `/${base.replace(/^\/|\/$/g, "")}` : "";
    script.src = `${window.location.origin}${root}/app/static/plotly.min.js`;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.min.js is not served"));
    document.head.appendChild(script);
  });
  return library;
}

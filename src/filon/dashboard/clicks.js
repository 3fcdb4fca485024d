// A click on any mark of a chart is a selection of it. Streamlit tells its server of selections only: Plotly knows none
// for slices, boxes and cells, and Streamlit turns them off while a drag along the axis selects.
(() => {
  const watched = new WeakSet();
  const watch = plot => {
    if (!plot.on || watched.has(plot.on)) return;
    watched.add(plot.on);  // a plot that is drawn anew in its place has another
    let isTold = false;
    plot.on("plotly_selected", event => {
      isTold = Boolean(event?.points?.length);  // without a point, a selection was taken away
      setTimeout(() => { isTold = false; });
    });
    plot.on("plotly_click", ({points}) => {
      const isTree = points.some(point => point.parent !== undefined);  // those are told by Streamlit
      if (isTold || isTree) return;
      const places = points.map(({curveNumber, pointNumber}) => ({curveNumber, pointIndex: pointNumber, data: {}}));
      plot.emit("plotly_selected", {points: places});
    });
  };
  const look = () => document.querySelectorAll(".js-plotly-plot").forEach(watch);
  new MutationObserver(look).observe(document.documentElement, {childList: true, subtree: true});
})();

"""The button that downloads the tutorial's published models and makes runs of them."""

from __future__ import annotations

import streamlit as st

from dashboard.drawing.markdown import sentence
from dashboard.shared import messages
from vitcore.errors import UserError
from vitcore.paths import readonly


def control() -> None:
    """A popover with one button; the runs appear in every list afterwards."""
    with st.popover("Published models", icon=":material/download:", width="stretch"):
        st.markdown(
            "Downloads the five models of the UvA Deep Learning Tutorials (ViT, ResNet, PreActResNet, "
            "GoogleNet, DenseNet), which their author trained for 180 epochs, with their curves."
        )
        if st.button("Download and import", type="primary", width="stretch", disabled=readonly()):
            _import()
        if done := messages.take("imported"):
            st.success(done)
        st.caption("The same at the command line: `python -m vitcore import tutorial`")


def _import() -> None:
    from vitcore.exchange.published import import_tutorial

    bar = st.progress(0.0, text="Connecting")

    def show(done: int, total: int | None) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, text=f"{done / 1e6:.1f} MB downloaded")

    try:
        runs = import_tutorial(progress=show)
    except UserError as error:
        bar.empty()
        st.error(f"{sentence(error)} The bundled models are unchanged.")
        return
    bar.empty()
    messages.keep("imported", f"{len(runs)} runs are imported: choose them under Runs.")
    st.rerun()  # the lists above were made before

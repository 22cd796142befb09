"""The popover that imports models: the tutorial's published ones, pretrained ones of the Hub, and files."""

from __future__ import annotations

import streamlit as st

from dashboard.compare import hub_models, import_progress, weight_upload
from dashboard.drawing.markdown import sentence
from dashboard.shared import popovers
from vitcore.errors import UserError
from vitcore.paths import readonly


def control() -> None:
    """Draw a popover with the button. The imported runs then appear in every list of runs."""
    with popovers.popover(
        "Published models", import_progress.POPOVER, icon=":material/download:", width="stretch"
    ):
        import_progress.newest()
        st.markdown(
            "The five models of the UvA Deep Learning Tutorials (ViT, ResNet, PreActResNet, GoogleNet, "
            "DenseNet), trained for 180 epochs by their author, with their curves. The download needs an "
            "internet connection."
        )
        if st.button("Download and import", type="primary", width="stretch", disabled=readonly()):
            _import()
        st.caption("On the command line: `python -m vitcore import tutorial`")
        st.divider()
        st.markdown(
            "Vision Transformers and ResNets of the Hugging Face Hub, which need an internet connection, or "
            "of a folder or file of any size on this machine. They open with the bundled photographs."
        )
        hub_models.control()
        st.caption("On the command line: `python -m vitcore import NAME_OR_PATH`")
        st.divider()
        weight_upload.control()
        st.caption("On the command line, also with more options: `python -m vitcore import FILE`")


def _import() -> None:
    from vitcore.exchange.published import import_tutorial

    bar = st.progress(0.0, text="Connecting")

    def show(done: int, total: int | None) -> None:
        bar.progress(
            min(1.0, done / total) if total else 0.0, text=f"{done / 1e6:.1f} MB of the current file"
        )

    try:
        runs = import_tutorial(progress=show)
    except UserError as error:
        bar.empty()
        st.error(f"{sentence(error)} The bundled models are unchanged.")
        return
    bar.empty()
    popovers.close(import_progress.POPOVER, f"Imported {len(runs)} runs: choose them under Runs.")
    st.rerun()  # the lists above were drawn before the import

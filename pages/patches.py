"""Patches: how an image becomes a sequence, and what the patch size costs."""

import streamlit as st

from dashboard import pictures, resources, selection

st.title("How does an image become a sequence?")

image_controls, size_control = st.columns([3, 2], vertical_alignment="bottom")
with image_controls:
    chosen = selection.choose_image(resources.dataset())
with size_control:
    size = st.segmented_control(
        "Patch size, pixels", [2, 4, 8, 16], default=4, key="patch", bind="query-params", required=True
    )

side = chosen.image.shape[-1] // size
count = side * side
patches = pictures.patches_of(chosen.image, size)

whole, cut, sequence = st.columns([1, 1, 1.6], gap="large")
with whole:
    st.subheader("1. The image")
    st.image(pictures.picture(chosen.image), width="stretch", output_format="PNG", alt=chosen.name)
    st.caption(f"{chosen.name}: 32 x 32 pixels in three colours, {3 * 32 * 32:,} numbers.")
with cut:
    st.subheader("2. Cut into patches")
    st.image(
        pictures.tiles(patches, side, gap=2, zoom=64 // size),
        width="stretch",
        output_format="PNG",
        alt=f"{count} patches",
    )
    st.caption(f"{side} x {side} squares of {size} x {size} pixels, row by row.")
with sequence:
    st.subheader("3. Laid in a row")
    columns = {2: 16, 4: 8, 8: 4, 16: 2}[size]
    wide = min(count, 2 * columns)
    st.image(
        pictures.tiles(patches, wide, gap=4, zoom=64 // size),
        width="stretch",
        alt=f"a sequence of {count} patches",
    )
    st.caption(
        f"Read like text, {wide} to a line: {count} tokens of 3 x {size} x {size} = {3 * size * size} "
        "numbers each. The model is not told which patches were neighbours; it has to learn that from its "
        "position embeddings."
    )

st.subheader("What the patch size costs")
rows = []
for option in (2, 4, 8, 16):
    tokens = (32 // option) ** 2 + 1
    rows.append(
        {
            "patch size": f"{option} x {option}" + ("  (shown)" if option == size else ""),
            "tokens with CLS": tokens,
            "numbers per patch": 3 * option * option,
            "attention weights per head": tokens**2,
            "attention of all 6 x 8 heads, kB": round(6 * 8 * tokens**2 * 4 / 1000, 1),
        }
    )
numbers = {name: st.column_config.NumberColumn(format="localized") for name in list(rows[0])[1:]}
st.dataframe(rows, hide_index=True, width="stretch", column_config=numbers)
st.caption(
    "Per image, in float32, for 6 layers of 8 heads. Every token attends to every token, so halving the "
    "patch size gives four times the tokens and sixteen times the attention weights. The tutorial found 4 "
    "best for CIFAR-10."
)

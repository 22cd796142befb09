"""Overview: one image through both models, the gap between them, and the four doors."""

import streamlit as st

from dashboard import bias_samples, figures, pictures, resources, svg, theme
from vitcore.architectures import ARCHITECTURES

st.title("What does a Vision Transformer see?")
with st.container(key="lead"):
    st.markdown(
        "A ViT cuts an image into patches and learns everything else from data; a ResNet is told from the "
        "start that neighbouring pixels belong together. ViT Lab shows what each makes of the same image."
    )

data = resources.dataset()
shelf = resources.bundled()
vit, resnet = shelf.get("vit"), shelf.get("resnet")
looks = {run.config.model: resources.first_look(run) for run in (vit, resnet) if run}
if not (vit and resnet and all(looks.values())):
    st.info(
        "The bundled models are missing: get a complete copy of the project, or train your own on "
        "**Training**."
    )
    st.stop()

kind = st.segmented_control(
    "Image",
    data.classes,
    default="cat",
    key="look",
    bind="query-params",
    required=True,
    label_visibility="collapsed",
)
place = data.classes.index(kind)
image = data.test.images[looks["vit"]["index"][place]]

shown, story = st.columns([2, 1], gap="large")
panels = shown.columns(3)
with panels[0]:
    st.markdown("**The image**")
    st.image(pictures.picture(image), width="stretch", output_format="PNG", alt=f"test image: {kind}")
    st.caption(f"{kind}, 32 x 32 pixels, from the CIFAR-10 test set")
for panel, model in zip(panels[1:], ("vit", "resnet"), strict=True):
    look = looks[model]
    chances = look["probabilities"][place]
    with panel:
        st.markdown(f"**{'ViT: attention rollout' if model == 'vit' else 'ResNet: Grad-CAM'}**")
        alt = f"{ARCHITECTURES[model].label}: where its answer {data.classes[chances.argmax()]} comes from"
        st.image(pictures.overlay(image, look["maps"][place]), width="stretch", output_format="PNG", alt=alt)
        verdict = "right" if chances.argmax() == place else f"wrong, it is a {kind}"
        st.caption(f"says **{data.classes[chances.argmax()]}**, {100 * chances.max():.0f} % sure ({verdict})")


with story:
    st.markdown("**The price of learning it all**")
    pair = (vit, resnet)
    st.html(
        figures.accuracy_bars(
            [ARCHITECTURES[run.config.model].label for run in pair],
            [run.status().result["test_acc"] for run in pair],
            [theme.hue(run.config.model) for run in pair],
            chance=1 / len(data.classes),
        )
    )
    (count,) = {run.status().result["n_test"] for run in pair}
    sizes = [resources.parameters(run) / 1e6 for run in pair]
    minutes = [run.status().active_s / 60 for run in pair]
    st.caption(
        f"Test accuracy, n = {count:,}, after training on 45,000 images: the ViT, {sizes[0]:.1f} million "
        f"parameters, for {minutes[0]:.0f} minutes on two CPU cores, the ResNet, {sizes[1]:.2f} million, for "
        f"{minutes[1]:.0f}."
    )
    if points := bias_samples.bundled_points():
        picture = svg.sample_efficiency(points, "#e7e8ea" if theme.is_dark() else "#1b1e23")
        st.image(picture, width="stretch", alt=f"Test accuracy against training images: {svg.spoken(points)}")
        st.caption(bias_samples.about(points))

doors = st.columns(4)
texts = {
    "patches": ("Patches", "How an image becomes a sequence of tokens, and what a patch size costs."),
    "attention": ("Attention", "Every head of every layer at once, for any patch of any image."),
    "inductive_bias": ("Inductive bias", "Move, shuffle and hide an image, and see which model minds."),
    "training": ("Training", "Train a ViT or a ResNet in the background, watch it, compare runs."),
}
for column, (name, (title, text)) in zip(doors, texts.items(), strict=True):
    with column.container(border=True, height="stretch", key=f"door_{name}"):
        st.page_link(
            f"../pages/{name}.py",
            label=f"**{title}**",
            icon=":material/arrow_forward:",
            icon_position="right",
        )
        st.caption(text)

with st.popover("How these maps are made", type="tertiary"):
    st.markdown(
        "**Attention** is the rollout from the CLS token (Abnar and Zuidema 2020): heads averaged, half the "
        "identity for the residual, layers multiplied. **Grad-CAM** (Selvaraju et al. 2017) weights the "
        "last stage's maps by the gradient of the predicted class. Each runs from its least (dark) to its "
        "largest value (bright). Neither is a complete explanation of an answer.\n\nStored by `python -m "
        "vitcore probe first-look --runs vit-cifar10 --runs resnet-cifar10`."
    )

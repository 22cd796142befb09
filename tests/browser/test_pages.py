"""Navigation, the Overview page, uploaded images, links, and the curves of the bundled runs."""

from __future__ import annotations

import re
import shutil
import sys

import pytest
from playwright.sync_api import expect

from dashboard.shared import resources
from dashboard.sweeps import sample_curves
from tests.browser.conftest import Server, Visitor
from tests.browser.views import PAGES
from tests.conftest import ROOT
from tests.uploads import png
from vitcore.architectures import ARCHITECTURES

LOOKS = ".st-key-looks img:not([alt='Color scale'])"  # the image and both maps


def test_navigation_opens_every_page(visitor):
    page = visitor.open()
    for title in ("Patches", "Attention", "Training", "Compare", "Overview"):
        page.get_by_test_id("stTopNavLink").filter(has_text=title).click()
        path = "" if title == "Overview" else title.lower()
        expect(page.locator("h1")).to_have_text(PAGES[path])
        visitor.settle()
        visitor.check()


def test_overview_shows_both_accuracies_and_links_to_the_pages(visitor):
    page = visitor.open()
    pictures = page.locator(LOOKS)
    before = pictures.first.get_attribute("src")
    for i in range(3):  # lossless: the pixels are enlarged
        assert pictures.nth(i).get_attribute("src").startswith("data:image/png;")
    accuracies = [
        f"{ARCHITECTURES[name].label} {100 * resources.bundled()[name].status().result['test_acc']:.2f} %"
        for name in ("vit", "resnet")
    ]
    label = re.compile(".*".join(map(re.escape, accuracies)))
    expect(page.get_by_role("img", name=label)).to_be_visible()
    curve = page.get_by_role("img", name=re.compile("accuracy .*training images"))
    expect(curve).to_have_count(1 if sample_curves.bundled_points() else 0)
    links = page.locator("[class*='st-key-door']").get_by_test_id("stPageLink")
    expect(links).to_contain_text(["Patches", "Attention", "Inductive bias", "Training"])
    page.get_by_role("radio", name="ship").click()
    expect(pictures.first).not_to_have_attribute("src", before)
    assert "look=ship" in page.url
    visitor.settle()  # the pictures are still changing
    page.get_by_test_id("stPageLink").filter(has_text="Attention").click()
    expect(page.locator("h1")).to_have_text(PAGES["attention"])
    visitor.settle()


def test_overview_shows_the_predictions_for_another_image(visitor):
    page = visitor.open("?look=frog")
    pictures = page.locator(LOOKS)
    stored = [pictures.nth(i).get_attribute("src") for i in range(3)]
    page.locator(".st-key-another").get_by_role("button").click()
    expect(page.get_by_text("frog, test image 2 of 100")).to_be_visible()
    visitor.settle()
    live = [pictures.nth(i).get_attribute("src") for i in range(3)]
    assert not set(stored) & set(live)  # another image, and other maps for it
    expect(page.locator(".st-key-looks").get_by_text(re.compile(r"\d %"))).to_have_count(2)
    visitor.open(page.url.rsplit("/", 1)[1])
    expect(page.get_by_text("frog, test image 2 of 100")).to_be_visible()
    page.get_by_role("radio", name="ship").click()  # the first image of another class
    expect(page.get_by_text("ship, test image 1 of 100")).to_be_visible()
    visitor.open("?look=frog&nth=101")  # an invalid number gives the first image
    expect(page.get_by_text("frog, test image 1 of 100", exact=True)).to_be_visible()


def attention_ready(visitor):
    visitor.settle()
    expect(visitor.page.locator(".xp[data-frame]")).to_be_visible()


def test_model_without_attention_gets_grad_cam(visitor):
    page = visitor.open("attention?run=resnet-cifar10&class=ship&image=3")
    expect(page.get_by_test_id("stAlert").filter(has_text="ResNet")).to_be_visible()
    for stage in (1, 2, 3):
        expect(page.get_by_role("img", name=re.compile(rf"stage {stage}\b"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"32 x 32\b")).first).to_be_visible()
    expect(page.locator(".st-key-figure_prediction .js-plotly-plot")).to_be_visible()


def upload(page, name, data):
    page.get_by_role("button", name="Own image").click()
    page.locator('input[type="file"]').set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )


def test_uploaded_image_is_shown_until_it_is_removed(visitor):
    page = visitor.open("patches")
    upload(page, "blue.png", png())
    expect(page.get_by_text(re.compile(r"blue\.png\b.*\b32\b"))).to_be_visible()
    visitor.settle()
    page.get_by_test_id("stTopNavLink").filter(has_text="Attention").click()
    attention_ready(visitor)
    expect(page.locator(".xp-class .true")).to_have_count(0)
    assert "blue" not in page.url
    page.get_by_role("button", name="Own image").click()
    page.get_by_role("button", name="Back to the test images").click()
    attention_ready(visitor)
    expect(page.locator(".xp-class .true")).to_have_count(1)


def test_name_of_an_uploaded_image_is_shown_as_text(visitor):
    page, name = visitor.open(), "](x.png) ![*$a$* <b>.png"
    upload(page, name, b"hello")
    expect(page.get_by_test_id("stAlert")).to_contain_text(name)  # the test image stays
    expect(page.locator(LOOKS).first).to_have_attribute("alt", re.compile("test image"))
    page.keyboard.press("Escape")
    visitor.settle()
    upload(page, name, png())
    shown = f"{name}, center square"  # the part of it that is shown
    picture = page.get_by_role("img", name=shown, exact=True)
    expect(picture).to_have_attribute("src", re.compile("^data:image/png;"))
    expect(page.locator(".st-key-looks").get_by_text(shown, exact=True)).to_be_visible()
    expect(page.locator(LOOKS)).to_have_count(3)
    visitor.settle()


def test_compare_draws_the_bundled_runs_over_each_axis(visitor):
    page = visitor.open("compare")
    charts = page.locator(".curves .js-plotly-plot, .curves.js-plotly-plot")
    expect(charts).to_have_count(2)
    expect(page.locator(".st-key-compare_acc, .curves").first).to_be_visible()
    for axis, title in (
        ("step", "optimizer step"),
        ("wall clock", "minutes of training"),
        ("epoch", "epoch"),
    ):
        page.get_by_role("radio", name=axis).click()
        expect(page.locator(".curves .xtitle").first).to_have_text(title)
    lines = "document.querySelector('.curves').data.filter(t => t.mode.startsWith('lines')).map(t => t.name)"
    names = set(page.evaluate(lines))
    assert {"ViT, 88 epochs", "ResNet, 85 epochs"} <= names
    assert len(names) <= 2 * 4  # and runs of other tests
    page.get_by_role("button", name="All bundled").click()
    expect(page.get_by_role("button", name="All bundled")).to_be_disabled()
    visitor.settle()
    assert {run.title for run in resources.bundled().values()} | names <= set(page.evaluate(lines))
    visitor.open("compare?runs=resnet-cifar10")
    expect(charts.first).to_be_visible()
    assert len(page.evaluate(lines)) == 2
    assert "runs=resnet-cifar10" in page.url


def test_check_fails_on_a_page_that_raises(page, tmp_path):
    """`Visitor.check` must fail on an app whose only page raises."""
    (tmp_path / "app.py").write_text("import streamlit as st\nst.title('Here')\nraise ValueError('boom')\n")
    (tmp_path / ".streamlit").mkdir()
    shutil.copy(ROOT / ".streamlit" / "config.toml", tmp_path / ".streamlit")
    server = Server(tmp_path)
    command = ["-m", "streamlit", "run", str(tmp_path / "app.py"), "--server.port", str(server.port)]
    server.start([sys.executable, *command], cwd=tmp_path)
    try:
        visitor = Visitor(page, server.url)
        visitor.open()
        with pytest.raises(AssertionError):
            visitor.check()
    finally:
        server.stop()


def test_unknown_link_values_show_a_toast_as_text(visitor):
    page = visitor.open("?look=%0A%0A![x](http://h/x.png)")
    toast = page.get_by_test_id("stToast")
    expect(toast).to_have_count(1)
    expect(toast.locator("code")).to_have_text("![x](http://h/x.png)")
    visitor.open("attention?class=ship&image=100")
    expect(page.locator(".xp-name")).to_have_text("ship, test image 100 of 100")
    expect(toast).to_have_count(0)


def test_unknown_parameter_is_removed_from_the_address_and_other_pages_do_not_warn(visitor):
    page = visitor.open("training?run=resnet-cifar10&wacth=x")
    toast = page.get_by_test_id("stToast")
    expect(toast.locator("code")).to_have_text("wacth")
    expect(page).to_have_url(re.compile(r"/training\?watch=resnet-cifar10(?!.*wacth)"))
    visitor.open("attention?view=Inside+a+block&query=2.3&step=4")
    for title in ("Compare", "Patches", "Training"):
        page.get_by_test_id("stTopNavLink").filter(has_text=title).click()
        expect(page.locator("h1")).to_have_text(PAGES[title.lower()])
        visitor.settle()
    expect(toast).to_have_count(0)


def test_link_with_only_invalid_values_opens_the_page(visitor):
    visitor.open(
        "attention?run=../../etc&class=unicorn&image=999&query=nowhere&layer=99&head=x&snapshot=-1&mask=a.b"
        "&speaks=x"
    )

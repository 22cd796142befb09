"""Tables, pictures and live images fit a narrow window. `test_views` checks that every view does."""

from __future__ import annotations

from tests.browser.views import OUTSIDE


def test_score_table_is_scrolled_by_keyboard_in_a_narrow_window(visitor):
    visitor.page.set_viewport_size({"width": 420, "height": 900})
    runs = "vit-cifar10,resnet-cifar10,mixer-cifar10,preactresnet-cifar10"
    page = visitor.open(f"compare?show=Scores&runs={runs}")
    frame = page.get_by_role("region", name="Scores")
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth")
    frame.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.scores-frame').scrollLeft > 0")
    names = page.locator(".scores th[scope=row]").first
    assert abs(names.bounding_box()["x"] - frame.bounding_box()["x"]) < 1  # they stay in sight


def test_scores_of_two_models_fit_a_phone(visitor):
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = visitor.open("compare?show=Scores&runs=vit-cifar10,resnet-cifar10")
    assert page.get_by_role("region", name="Scores").evaluate("e => e.scrollWidth <= e.clientWidth")


def test_two_live_images_and_their_predictions_fit_a_phone(visitor):
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = visitor.open("inductive_bias?probe=Occlusion")
    replay = page.locator(".replay[data-frame]")
    assert replay.evaluate(OUTSIDE) == 0
    page.wait_for_function("document.querySelector('.replay-bars div')?.offsetWidth > 100")


def test_pictures_of_overview_use_the_width_of_a_tablet(visitor):
    visitor.page.set_viewport_size({"width": 768, "height": 1024})
    page = visitor.open("")
    assert page.locator(".st-key-looks img").first.bounding_box()["width"] > 200
    for row in page.locator(".gap-track").all():  # the labels stay inside their column
        track = row.bounding_box()
        for label in row.locator("span").all():
            box = label.bounding_box()
            assert track["x"] - 1 <= box["x"]
            assert box["x"] + box["width"] <= track["x"] + track["width"] + 1

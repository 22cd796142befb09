"""The import of a pretrained model of the Hugging Face Hub from the page, from a local server."""

from __future__ import annotations

import json

import pytest
import timm
import torch
from playwright.sync_api import expect
from safetensors.torch import save

from tests.browser.conftest import Server, Visitor
from tests.hub_server import hub
from vitcore.exchange.recommended import RECOMMENDED

NAME = "timm/small"


@pytest.mark.slow
def test_model_of_the_hub_is_imported_and_opens_with_a_photograph(page, tmp_path):
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2)
    files = {
        "model.safetensors": save(model.state_dict()),
        "config.json": json.dumps({"architecture": "vit_tiny_patch16_224", "num_classes": 1000}).encode(),
    }
    with hub({NAME: files}) as site:
        server = Server(tmp_path).start(HF_ENDPOINT=site.url, HF_HOME=str(tmp_path / "cache"))
        try:
            visitor = Visitor(page, server.url)
            visitor.open("compare")
            page.get_by_role("button", name="Published models").click()
            body = page.get_by_test_id("stPopoverBody")
            rows = body.get_by_test_id("stDataFrame").bounding_box()
            page.mouse.click(rows["x"] + 15, rows["y"] + 38 + 35 * 2.5)  # the box that selects the third row
            label, megabytes = RECOMMENDED[2].label, RECOMMENDED[2].megabytes
            expect(body.get_by_role("button", name=f"Import {label}, {megabytes} MB")).to_be_visible()
            field = body.get_by_role("textbox", name="another name on the Hugging Face Hub")
            field.fill("a/missing")
            field.press("Enter")
            visitor.settle()  # the button moves when a message goes
            button = page.locator(".st-key-hub_import").get_by_role("button")
            button.click()
            expect(body.get_by_test_id("stAlert")).to_contain_text("a/missing", timeout=150_000)
            field.fill(NAME)
            field.press("Enter")
            visitor.settle()  # the button moves when a message goes
            button.click()
            said = page.get_by_test_id("stToast").filter(has_text="imported (small)")
            expect(said).to_be_visible(timeout=150_000)
            expect(page.get_by_test_id("stToast").filter(has_text="assumed")).to_be_visible()
            visitor.check()
            visitor.open("attention")
            page.get_by_role("combobox", name="Model").fill("imported (small)")
            page.get_by_role("option", name="imported (small)").first.click()
            page.wait_for_selector(".xp[data-frame]", timeout=150_000)
            visitor.check()
        finally:
            page.goto("about:blank")
            server.stop()

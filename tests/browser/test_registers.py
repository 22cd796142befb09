"""Tokens without a place in the image, in every view of the Attention page: buttons, links and shares."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.made_runs import make_run

SMALL = {"embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_layers": 2, "patch_size": 8}


def test_register_is_chosen_by_its_button_and_kept_in_the_other_views(visitor, server):
    run = make_run(server.home / "runs", "Registers", model="vit", registers=2, distilled=True, **SMALL)
    page = visitor.open(f"attention?run={run.id}")
    expect(page.locator(".xp[data-shown='cls']")).to_be_visible()
    page.locator(".xp").get_by_role("button", name="register 2", exact=True).click()
    expect(page.locator(".xp[data-shown='register2']")).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]query=register2\b"))
    expect(page.locator(".xp-title")).to_have_text("Attention from register 2")
    shares = r"On CLS: .* %, distillation: .* %, register 1: .* %, register 2: .* % \(together .* %\)\."
    expect(page.locator(".xp-reading")).to_have_text(re.compile(shares.replace(" %", r"\s%")))
    page.get_by_text("Inside a block", exact=True).click()
    expect(page.locator(".inside[data-query='register2']")).to_be_visible()
    page.locator(".inside").get_by_role("button", name="distillation", exact=True).click()
    expect(page.locator(".inside[data-query='distillation']")).to_be_visible()
    page.get_by_text("Side by side", exact=True).click()
    expect(page.locator(".pair[data-shown='1 1']")).to_be_visible()
    expect(page.locator(".pair-reading")).to_contain_text("On register 1: left")

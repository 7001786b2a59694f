"""What runs say of where they come from."""

import subprocess

from pdebridge.provenance import commit


def test_a_checkout_that_another_user_owns_yields_its_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *arguments], check=True)
    mine = commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own way to test its refusal
    assert subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True).returncode
    assert commit() == mine
    assert mine["commit"] and mine["dirty"] is False

"""Another call is another file, with no new code: on the site, in the bundle and on the desk."""

import shutil

from service import ROOT, Instance
from small_call import GOOD


def test_a_file_is_all_that_another_call_needs(instance: Instance) -> None:
    """A copy of the program with one more YAML file asks it, stores its answers, and the desk reads them."""
    program = instance.folder / "program"
    for name in ("intake", "templates", "translations"):
        shutil.copytree(ROOT / name, program / name, ignore=shutil.ignore_patterns("__pycache__"))
    (program / "intake" / "calls" / "small.yaml").write_text(GOOD)
    with instance.serve(PYTHONPATH=str(program)) as server:
        assert "A small call" in server.client.get("/en/").text
        form = server.client.form("/en/small")
        page = server.client.post("/en/small", {**form, "adult": "Y", "CINT": "Y"})
        assert page.status == 422
        receipt = server.client.post("/en/small", {**form, "adult": "Y", "CINT": "Y", "what": "This happened."})
        assert receipt.status == 200
    (listed,) = instance.open_on_desk()
    assert (listed["call"], listed["state"]) == ("small", "new")
    assert instance.shown(listed["id"])["answers"] == {"adult": "Y", "what": "This happened."}
    assert "What happened?" in instance.desk("show", listed["id"]).stdout

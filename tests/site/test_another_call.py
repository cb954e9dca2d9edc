"""Another call is another file, with no new code: on the site, in the bundle and on the desk."""

from service import Instance, copy_of_the_program
from small_call import GOOD


def test_a_new_edition_meanwhile_is_no_trouble(instance: Instance) -> None:
    """A form fetched before the questions changed is taken as it was asked, and read against those questions."""
    program = copy_of_the_program(instance.folder)
    small = program / "intake" / "calls" / "small.yaml"
    small.write_text(GOOD)
    with instance.serve(PYTHONPATH=str(program)) as server:
        form = server.client.form("/en/small")
    small.write_text(GOOD.replace("id: what", "id: story").replace("[what]", "[story]"))
    with instance.serve(PYTHONPATH=str(program)) as server:
        answers = {"adult": "Y", "CINT": "Y", "what": "Asked the old way."}
        assert server.client.post("/en/small", {**form, **answers}).status == 200
        answers = {"adult": "Y", "CINT": "Y", "story": "Asked the new way."}
        assert server.client.post("/en/small", {**server.client.form("/en/small"), **answers}).status == 200
    shown = [instance.shown(listed["id"])["answers"] for listed in instance.open_on_desk()]
    assert shown == [{"adult": "Y", "what": "Asked the old way."}, {"adult": "Y", "story": "Asked the new way."}]


def test_a_file_is_all_that_another_call_needs(instance: Instance) -> None:
    """A copy of the program with one more YAML file asks it, stores its answers, and the desk reads them."""
    program = copy_of_the_program(instance.folder)
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


def test_a_call_without_a_translation_is_taken_as_it_was_shown(instance: Instance) -> None:
    """Someone who reads French, and a call that is only in English: it is stored as asked in English, and read."""
    program = copy_of_the_program(instance.folder)
    (program / "intake" / "calls" / "small.yaml").write_text(GOOD)
    with instance.serve(PYTHONPATH=str(program)) as server:
        form = server.client.form("/fr/small")
        answer = server.client.post("/fr/small", {**form, "adult": "Y", "CINT": "Y", "what": "En français."})
        assert answer.status == 200
    (listed,) = instance.open_on_desk()
    assert (listed["language"], listed["state"]) == ("en", "new")

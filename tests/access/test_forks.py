from access.conftest import Belongings, Tenants
from agentos.domain.ids import new_id


def test_a_fork_before_somebody_elses_run_is_one_before_a_missing_run(tenants: Tenants) -> None:
    hers, mine = Belongings(tenants.alice), Belongings(tenants.bob)
    address = f"/api/v1/sessions/{mine.session_id}/fork"
    said = []
    for run_id in (hers.run_id, hers.open_run_id, new_id()):
        refused = tenants.bob.request("POST", address, {"before_run_id": run_id})
        said.append((refused.status_code, refused.json["code"], refused.json["message"].replace(run_id, "ID")))
    assert said[:2] == [said[2]] * 2
    assert said[2][:2] == (404, "RUN_NOT_FOUND")


def test_a_fork_is_its_parents_owners_though_an_administrator_makes_it(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    made = tenants.ada.request("POST", f"/api/v1/sessions/{hers.session_id}/fork", {}).json
    assert made["owner"] == "alice"
    address = f"/api/v1/sessions/{made['session_id']}/history"
    assert tenants.bob.request("GET", address).status_code == 404
    assert len(tenants.alice.request("GET", address).json["messages"]) == 2

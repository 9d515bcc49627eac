"""Records that perfctl's reader refuses."""

from __future__ import annotations

import pytest

from .site import Site


@pytest.mark.parametrize(
    "spoil", ["response['Content-Length'] = str(10 ** 30)", "response.status_code = 999"]
)
def test_a_record_is_always_one_that_the_reader_takes(spoil: str, site: Site) -> None:
    """Whatever a response says of itself: in range, or null."""
    site.run(
        f"""
    @page("")
    def view(request):
        response = HttpResponse("fine")
        {spoil}
        return response

    get(), get()
    """
    )
    first, second = site.requests
    assert (first.status, first.response_bytes) in {(200, None), (599, 4)}
    assert (second.status, second.response_bytes) == (first.status, first.response_bytes)

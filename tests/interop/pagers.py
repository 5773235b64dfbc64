"""Reads every record of a table from a vendor's API, paged as the vendor documents it. Knows nothing of the program's way."""

import json
import urllib.error
import urllib.parse
import urllib.request


class Number(str):
    """A JSON number in its own digits."""


class Object:
    """A JSON object in its own order; members are found in any case, the last of a name counts."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.last = dict(pairs)
        self.members = {name.lower(): value for name, value in pairs}

    def get(self, name: str):
        return self.members.get(name.lower())


def parse(text: str):
    """JSON with digits and order kept."""
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=Object)


def compact(value) -> str:
    """A parsed value as JSON without white space."""
    if isinstance(value, Object):
        return "{" + ",".join(f"{compact(name)}:{compact(member)}" for name, member in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


class Api:
    """One vendor's API: its address and the header that carries the token."""

    def __init__(self, base: str, header: str, token: str):
        self.base, self.headers = base, {header: token}

    def get(self, path: str, **params):
        query = urllib.parse.urlencode(params, safe="$:,'", quote_via=urllib.parse.quote)
        request = urllib.request.Request(f"{self.base}{path}?{query}", headers=self.headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return parse(reply.read().decode("utf-8"))


def ploomes(api: Api, path: str, **params):
    """`$top` and `$skip` in the order of `Id`; a short page is not the end."""
    skip = 0
    while page := api.get(path, **{"$top": 300, "$skip": skip, "$orderby": "Id"}, **params).get("value"):
        yield from page
        skip += len(page)


def exactsales(api: Api, path: str, order: str | None = None, **params):
    """`$top` and `$skip`; `@odata.nextLink` is there even on the last page and means nothing."""
    if order:
        params["$orderby"] = order
    skip = 0
    while page := api.get(path, **{"$top": 500, "$skip": skip}, **params).get("value"):
        yield from page
        skip += len(page)


def nectarcrm(api: Api, path: str, **params):
    """`page` until one is empty or brings nothing new: the last page may come again and again."""
    seen, number = set(), 1
    while fresh := [record for record in api.get(path, page=number, displayLength=50, **params) if record.get("id") not in seen]:
        yield from fresh
        seen.update(record.get("id") for record in fresh)
        number += 1


def sensedata(api: Api, path: str, **params):
    """`page` and `limit` until `next_page` is null; the list is named as the route."""
    number = 1
    while number:
        page = api.get(path, page=number, limit=1000, **params)
        yield from page.get(path.strip("/"))
        number = int(page.get("next_page") or 0)


def customerx(api: Api, path: str, **params):
    """`page` of twenty rows until one is empty; most lists are bare arrays, one stands in `data`."""
    number = 1
    while True:
        page = api.get(path, page=number, per_page=20, **params)
        rows = page.get("data") if isinstance(page, Object) else page
        if not rows:
            return
        yield from rows
        number += 1


def first_route(api: Api, paths: list[str]) -> str:
    """The first route that the API has."""
    for path in paths:
        try:
            api.get(path)
            return path
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
    raise AssertionError(f"none of {paths} answers")


def records(source: str, table: str, endpoint: str, api: Api):
    """Every record of a fetched table, with what each vendor's document says about that list."""
    match source, table:
        case "ploomes", _:
            yield from ploomes(api, endpoint)
        case "exactsales", "boxes":
            # Without a filter the vendor hides what began more than some weeks ago.
            yield from exactsales(api, endpoint, order="id", **{"$filter": "start ge 2000-01-01"})
        case "exactsales", "losts" | "qualifications" | "stageslead" | "leadscustomfields" | "painpoints":
            # No id to order by.
            yield from exactsales(api, endpoint)
        case "exactsales", _:
            yield from exactsales(api, endpoint, order="id")
        case "nectarcrm", "oportunidades":
            for status in range(1, 6):
                yield from nectarcrm(api, endpoint, status=status)
        case "nectarcrm", "qualificacoes":
            for status in range(1, 7):
                yield from nectarcrm(api, endpoint, status=status)
        case "nectarcrm", "pipelines":
            for kind in (0, 1):
                yield from api.get(endpoint, page=-1, type=kind)
        case "nectarcrm", "oportunidades_propostas":
            # The list of all proposals, where the program asks opportunity by opportunity.
            yield from nectarcrm(api, "/proposta/")
        case "nectarcrm", _:
            yield from nectarcrm(api, endpoint)
        case "sensedata", _:
            yield from sensedata(api, endpoint)
        case "customerx", _:
            yield from customerx(api, endpoint)

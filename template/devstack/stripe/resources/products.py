"""Products."""

from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError
from devstack.stripe.params import Params
from devstack.stripe.resources.prices import create_price
from devstack.stripe.store import Json


def _features(params: Params) -> list[Json]:
    return [{"name": each.required("name")} for each in params.children("marketing_features")]


def _fields(params: Params) -> Json:
    texts = ("description", "statement_descriptor", "tax_code", "unit_label", "url")
    return params.given(
        {
            **dict.fromkeys(texts, params.text),
            "active": lambda key: params.flag(key, default=True),
            "images": params.texts,
            "marketing_features": lambda _: _features(params),
            "shippable": params.flag,
        }
    )


def create(call: Call) -> Json:
    """Create a product, with its default price if it is given."""
    account, params = call.account, call.params
    params.ignore("type")
    identity = params.text("id") or account.new_id("prod", 14)
    if account.store.get(identity):
        raise StripeError(
            400, "Product already exists.", code="resource_already_exists", param="id"
        )
    now = account.now()
    product = account.add(
        {
            "id": identity,
            "object": "product",
            "active": True,
            "created": now,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": call.metadata(),
            "name": params.required("name"),
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": now,
            "url": None,
            **_fields(params),
        },
        "product.created",
    )
    given = params.child("default_price_data")
    if given is not None:
        product["default_price"] = create_price(account, given, product)["id"]
    return product


def retrieve(call: Call) -> Json:
    """Return a product."""
    return call.find("product")


def update(call: Call) -> Json:
    """Change a product."""
    product = call.find("product")
    changes = _fields(call.params)
    changes["metadata"] = call.metadata(product["metadata"])
    if call.params.has("name"):
        changes["name"] = call.params.required("name")
    price = call.referred("default_price", "price")
    if price is not None:
        changes["default_price"] = price["id"]
    changes["updated"] = call.account.now()
    return call.account.change(product, changes, "product.updated")


def delete(call: Call) -> Json:
    """Delete a product that has no price."""
    product = call.find("product")
    if call.account.where("price", product=product["id"]):
        raise StripeError(
            400,
            "This product cannot be deleted because it has one or more user-created prices.",
        )
    call.account.emit("product.deleted", product)
    call.account.store.delete(product)
    return {"id": product["id"], "object": "product", "deleted": True}


def list_all(call: Call) -> Json:
    """List products."""
    params = call.params
    found = call.account.where(
        "product", **params.given({"active": params.flag, "url": params.text})
    )
    ids = params.texts("ids")
    if ids:
        found = [each for each in found if each["id"] in ids]
    return call.page(found, "/v1/products")


def search(call: Call) -> Json:
    """Find products by a query, such as `active:'true' AND metadata['plan']:'pro'`."""
    return call.search("product", "/v1/products/search")


ROUTES = [
    Route("POST", "/v1/products", create),
    Route("GET", "/v1/products", list_all),
    Route("GET", "/v1/products/search", search),
    Route("GET", "/v1/products/{}", retrieve),
    Route("POST", "/v1/products/{}", update),
    Route("DELETE", "/v1/products/{}", delete),
]

"""An adapter that asks the program around the runtime for something."""

from typing import Any

from snakepit_bridge.base_adapter import BaseAdapter, tool


class PriceAdapter(BaseAdapter):
    """Knows items; the host knows prices."""

    @tool("Say what an item costs.")
    def ask_price(self, item: str) -> Any:
        """Return item and price; a price the host cannot tell is an error."""
        if self.session_context is None:
            msg = "there is no host to ask"
            raise RuntimeError(msg)
        return {
            "item": item,
            "price": self.session_context.call_host_tool("price", item=item),
        }

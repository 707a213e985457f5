"""Colours of models and of the page, light and dark, distinguishable under colour blindness."""

from __future__ import annotations

# Hues follow Okabe and Ito, "Color Universal Design" (2008), darkened on white and lightened on black until each
# stands out from the background by at least 3:1; shapes and dashes tell models apart where colours repeat.
LIGHT = {
    "page": "#fbfbf9",
    "surface": "#ffffff",
    "ink": "#1b2126",
    "muted": "#586069",
    "line": "#dcdfe1",
    "accent": "#00639c",
    "tint": "#eef4f8",
}
DARK = {
    "page": "#121619",
    "surface": "#191e22",
    "ink": "#e8ebed",
    "muted": "#a3adb5",
    "line": "#343c42",
    "accent": "#6fc0f5",
    "tint": "#1d2a33",
}
LIGHT_MODELS = ("#0072b2", "#c44e00", "#00805e", "#a94382", "#8a6a00", "#4f5b66", "#2a86b8", "#7a4fb5")
DARK_MODELS = ("#5ab4ee", "#ff8f52", "#35c79d", "#e58cc0", "#e3c14a", "#b7c1c9", "#8ecbf2", "#b79bf0")


def style_sheet() -> str:
    """Custom properties for the page: the light scheme, the dark one where it is preferred, light on paper."""
    light, dark = _properties(LIGHT, LIGHT_MODELS), _properties(DARK, DARK_MODELS)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def _properties(colours: dict[str, str], models: tuple[str, ...]) -> str:
    named = [f"--{name}: {colour}" for name, colour in colours.items()]
    return "; ".join(named + [f"--model-{at}: {colour}" for at, colour in enumerate(models)])


def page_colours() -> dict[str, str]:
    """Colours of charts inside the page: references that follow the scheme of the moment, and print."""
    return {name: f"var(--{name})" for name in LIGHT}


def page_models() -> list[str]:
    """Colours of the models inside the page, as references."""
    return [f"var(--model-{at})" for at in range(len(LIGHT_MODELS))]

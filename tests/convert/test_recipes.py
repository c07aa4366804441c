import pytest

from poseport.convert import recipes


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(ValueError, match=r"float32, float16, dynamic, int8, int8-p95, .*16x8-floatio"):
        recipes.recipe("uint8")


def test_names_can_be_decoded():
    for name, recipe in recipes.RECIPES.items():
        words = name.split("-")
        assert recipe.full == (words[0] in ("int8", "16x8", "mixed"))
        assert recipe.activations == ("int16" if words[0] == "16x8" else "int8")
        assert (recipe.io == "float32") == ("floatio" in words or not recipe.full)
        assert recipe.per_channel == ("tensor" not in words)
        assert (recipe.kept is not None) == (words[0] == "mixed")
        assert (recipe.engine == "TFLiteConverter") == (recipe.percentile is None)
        assert (recipe.percentile == 95) == ("p95" in words or words[0] == "mixed")


@pytest.mark.parametrize(("wanted", "last"), [("int8", "mixed-float32"), ("mixed-16x8", "mixed-16x8")])
def test_a_budget_ends_in_three_recipes(wanted, last):
    for ends in ("", "-floatio"):
        found = recipes.within_budget(recipes.recipe(wanted + ends))
        assert [recipe.name for recipe in found] == [f"int8{ends}", f"int8-p95{ends}", f"{last}{ends}"]


@pytest.mark.parametrize(
    ("name", "recipe", "decided_by_search"),
    [
        ("a.int8.tflite", "int8", False),
        ("a.tflite", "int8", False),
        ("a.tflite", "int8", True),
        ("int8.tflite", "float32", False),
    ],
)
def test_a_fair_name_passes(name, recipe, decided_by_search):
    recipes.refuse_name(name, recipes.recipe(recipe), decided_by_search=decided_by_search)

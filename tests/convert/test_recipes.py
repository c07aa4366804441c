import pytest

from poseport.convert import recipes


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(ValueError, match="float32, float16, dynamic, int8, int8-floatio"):
        recipes.recipe("uint8")


def test_names_can_be_decoded():
    for name, recipe in recipes.RECIPES.items():
        assert recipe.full == name.startswith("int8")
        assert (recipe.io == "int8") == (name == "int8")

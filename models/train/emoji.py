"""Emoji pictures with plain names: the data of the text-to-image model."""

import json
from pathlib import Path

import numpy as np
from npm_data import npm_package
from PIL import Image

PACKAGE = "emoji-datasource-google@16.0.0"

# Groups, then the emoji's short names in the package, with another name after a colon where the short one is poor.
GROUPS = {
    "face": """grinning:smiling_face joy:laughing_face heart_eyes:love_face sob:crying_face rage:angry_face
        sunglasses:cool_face skull ghost alien robot_face:robot clown_face:clown hankey:poop jack_o_lantern:pumpkin""",
    "animal": """monkey_face:monkey dog wolf fox_face:fox cat lion_face:lion tiger horse unicorn_face:unicorn cow pig
        mouse rabbit bear panda_face:panda chicken baby_chick:chick penguin owl frog turtle snake dragon_face:dragon
        elephant""",
    "sea animal": "whale dolphin fish shark octopus crab",
    "insect": "snail butterfly bee ladybug spider",
    "flower": "rose hibiscus sunflower tulip cherry_blossom",
    "plant": "evergreen_tree:pine_tree deciduous_tree:tree palm_tree cactus four_leaf_clover:clover mushroom",
    "fruit": """grapes watermelon tangerine:orange lemon banana pineapple apple:red_apple green_apple pear
        cherries:cherry strawberry tomato""",
    "vegetable": "eggplant carrot corn hot_pepper:chili broccoli",
    "food": """bread croissant cheese_wedge:cheese hamburger fries pizza hotdog:hot_dog fried_egg popcorn
        icecream:ice_cream doughnut:donut cookie birthday:birthday_cake lollipop""",
    "drink": "coffee wine_glass:wine beer cocktail",
    "place": "earth_africa:earth volcano house tent european_castle:castle",
    "vehicle": """bus fire_engine police_car taxi car:red_car truck tractor bike:bicycle rocket helicopter airplane
        flying_saucer:ufo boat:sailboat anchor""",
    "weather": """crescent_moon:moon sunny:sun star rainbow cloud umbrella zap:lightning snowflake
        snowman_without_snow:snowman fire droplet:water_drop ocean:wave""",
    "thing": """gift balloon christmas_tree trophy soccer:football basketball tennis:tennis_ball art:palette
        eyeglasses:glasses crown tophat:top_hat ring gem:diamond headphones guitar trumpet drum_with_drumsticks:drum
        computer bulb:light_bulb camera book moneybag:money_bag envelope:letter pencil2:pencil lock key bomb magnet bell
        alarm_clock:clock hourglass""",
    "heart": """heart:red_heart orange_heart yellow_heart green_heart blue_heart purple_heart black_heart
        broken_heart""",
    "circle": """red_circle large_orange_circle:orange_circle large_yellow_circle:yellow_circle
        large_green_circle:green_circle large_blue_circle:blue_circle large_purple_circle:purple_circle""",
}

# Words around a name that mean nothing.
FRAMES = ["{}", "{}", "{}", "a {}", "the {}", "a picture of a {}", "an emoji of a {}", "a small {}", "draw a {}"]


def load(folder):
    """Returns (names, groups, pictures): N strings, N strings, N×3×64×64 float32 in -1…1 on white."""
    package = npm_package(PACKAGE, folder)
    entries = {}
    for entry in json.loads((package / "emoji.json").read_text()):
        for short_name in entry["short_names"]:
            entries.setdefault(short_name, entry)
    names, groups, pictures = [], [], []
    for group, text in GROUPS.items():
        for item in text.split():
            short_name, _, name = item.partition(":")
            entry = entries.get(short_name)
            if entry is None or not entry["has_img_google"]:
                raise ValueError(f"the package has no picture of {short_name}")
            names.append((name or short_name).replace("_", " "))
            groups.append(group)
            pictures.append(_picture(package / "img/google/64" / entry["image"]))
    return names, groups, np.stack(pictures)


def _picture(path: Path):
    picture = Image.open(path).convert("RGBA").resize((64, 64), Image.LANCZOS)
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB"), dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1

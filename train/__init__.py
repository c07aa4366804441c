"""Networks, data and loop: COCO people -> a bundle."""

"""A page that runs a converted file in the browser of a phone or a laptop: `poseport web`."""

"""The command line: `poseport`, its shared options, and the commands that need no other stage."""

include:
  - .config
  - split.service
  - split.opt*

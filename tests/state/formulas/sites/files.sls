sites-folders:
  file.directory:
    - names:
      - /var/log/sites
      - /etc/sites/extra:
        - mode: '0700'
        - makedirs: true
    - require_in: [{service: sites-running}]
    - watch_in: [{module: sites-reload}]

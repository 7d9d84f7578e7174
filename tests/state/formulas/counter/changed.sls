#!stateconf -G
.p:
  stateconf.set: [{user: bob}, {home: null}]
#-- end of state config --
{% if not p.home %}{% do p.update({'home': '/home/' ~ p.user}) %}{% endif %}
.x: {test.nop: [{home: "{{ p.home }}"}]}

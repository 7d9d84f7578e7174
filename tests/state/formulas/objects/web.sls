#!pyobjects
include('objects.base')
File.managed("/etc/x", source="salt://x", require=Host("vim"))
with Host.present("httpd"):
    Cmd.run("httpd", enable=True)
    with Cmd("httpd", "watch_in"):
        File.managed("/etc/conf", source="salt://y", require=[File("/etc/x"), {"sls": "objects.base"}])
Host.present("vim")
Cmd.run(extend('sshd'), watch=[{'file': '/etc/conf'}, File('/etc/x')])
for number in range(2):
    Test.nop("t%d" % number, b=[1, 2], a={'k': None}, names=["x", "y"])

#!pyobjects
SshAuth.present("k", user="x")
Virtualenv.managed('a')
SshKnownHosts.present("h")

#!pyobjects
Cmd.run('sshd')

#!pyobjects
class Web(Map):
    merge = 'objects:lookup'
    class Debian:
        pkg = 'apache2'
        dir = '/etc/apache2'
    class RedHat:
        pkg = 'httpd'
        dir = '/etc/httpd'
    class Ubuntu:
        __grain__ = 'os'
        pkg = 'apache'
class Ordered(Map):
    priority = ('os', 'os_family')
    class Deb:
        __match__ = 'Debian'
        one = 'family'
        two = 2
    class Own:
        __grain__ = 'os'
        __match__ = 'Debian'
        one = 'os'
    class Red:
        __match__ = 'RedHat'
        one = 'red'
        two = 3
Test.nop(Web.pkg, d=Web.dir, o=Ordered.one, two=Ordered.two, more=getattr(Web, 'more', 'none'))

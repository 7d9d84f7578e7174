#!pyobjects
Test.nop('z', p=pillar('n', 'd'), q=pillar('nope', 'd'), o2=pillar('objects:lookup'), g=grains('os'), s=salt.test.echo('hi'),
         t=__salt__['test.echo']('x'), c=config('id'), sls=__sls__, pp=__pillar__.get('n'), gg=__grains__['os'],
         o=__opts__['id'])

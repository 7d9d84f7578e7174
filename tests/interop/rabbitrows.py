"""Calls and states of `rabbitmq` beside stock's. A program stands in for RabbitMQ's own, which take a second for each word:
it remembers in a folder what it was told, and answers as those of 3.10.8 do.
"""

from tests.interop.beside import Call, refuses, returns
from tests.interop.states import Row, done, pending

PROGRAM = r"""#!/bin/bash
state=W/rabbit
mkdir -p $state/users $state/vhosts $state/perms $state/policies $state/upstreams $state/plugins
fail() { echo "Error:" >&2; echo "$2" >&2; exit $1; }
host=/; args=()
if [ "${0##*/}" = rabbitmq-plugins ]; then
    case $1 in
    list) echo 'Listing plugins with pattern ".*" ...'
        if [ "$3" = -e ]; then ls $state/plugins; else printf 'rabbitmq_federation\nrabbitmq_top\n'; fi;;
    enable) [ $2 = rabbitmq_federation ] || fail 70 "{:plugins_not_found, [:$2]}"
        touch $state/plugins/$2; printf 'Enabling plugins on node rabbit@m1:\n%s\n\nstarted 1 plugins.\n' $2;;
    disable) rm -f $state/plugins/$2; printf 'Disabling plugins on node rabbit@m1:\n%s\n\nstopped 1 plugins.\n' $2;;
    esac
    exit 0
fi
command=$1; shift
while [ $# -gt 0 ]; do case $1 in
    -p) host=$2; shift;; --priority) priority=$2; shift;; --apply-to) apply=$2; shift;; -q|--formatter=json) ;;
    *) args+=("$1");; esac; shift; done
set -- "${args[@]}"
place=${host//\//ROOT}
user() { [ -e $state/users/$1 ] || fail 67 "User \"$1\" does not exist"; }
case $command in
list_users) printf 'user\ttags\n'; for f in $state/users/*; do [ -e $f ] && printf '%s\t[%s]\n' ${f##*/} "$(cut -d'	' -f2 $f)"; done; true;;
list_vhosts) echo name; echo /; ls $state/vhosts;;
add_user) echo "Adding user \"$1\" ..."; [ -e $state/users/$1 ] && fail 70 "User \"$1\" already exists"
    [ $# = 2 ] || set -- "$1" "$(cat)"; printf '%s\t\n' "$2" > $state/users/$1; echo "Done.";;
delete_user) echo "Deleting user \"$1\" ..."; user $1; rm $state/users/$1 $state/perms/*~$1 2>/dev/null; true;;
change_password) echo "Changing password for user \"$1\" ..."; user $1; [ $# = 2 ] || set -- "$1" "$(cat)"
    printf '%s\t%s\n' "$2" "$(cut -d'	' -f2 $state/users/$1)" > $state/users/$1;;
clear_password) echo "Clearing password for user \"$1\" ..."; user $1;;
authenticate_user) [ $# = 2 ] || set -- "$1" "$(cat)"; echo "Authenticating user \"$1\" ..."
    [ "$(cut -d'	' -f1 $state/users/$1)" = "$2" ] || fail 65 "Error: failed to authenticate user \"$1\""
    echo Success;;
status) echo 'RabbitMQ version: 3.10.8';;
cluster_status) printf 'Cluster status of node rabbit@m1 ...\nBasics\n\nDisk Nodes\n\nrabbit@m1\n\nRunning Nodes\n\nrabbit@m1\n';;
set_user_tags) name=$1; user $1; shift; tags="$*"; echo "Setting tags for user \"$name\" to [${tags// /, }] ..."
    printf '%s\t%s\n' "$(cut -d'	' -f1 $state/users/$name)" "${tags// /, }" > $state/users/$name;;
add_vhost) echo "Adding vhost \"$1\" ..."; touch $state/vhosts/$1;;
delete_vhost) [ -e $state/vhosts/$1 ] || { echo "Virtual host '$1' does not exist" >&2; exit 65; }
    echo "Deleting vhost \"$1\" ..."; rm $state/vhosts/$1;;
set_permissions) echo "Setting permissions for user \"$1\" in vhost \"$host\" ..."
    [ $host = / ] || [ -e $state/vhosts/$host ] || fail 69 "Virtual host $host does not exist"
    printf '"configure":"%s","write":"%s","read":"%s"' "$2" "$3" "$4" > $state/perms/$place~$1;;
list_permissions) [ $host = / ] || [ -e $state/vhosts/$host ] || { echo "Virtual host '$host' does not exist" >&2; exit 65; }
    echo '['; for f in $state/perms/$place~*; do [ -e $f ] && echo "$comma{\"user\":\"${f##*~}\",$(cat $f)}" && comma=,; done; echo ']';;
list_user_permissions) [ -e $state/users/$1 ] || fail 69 "{:no_such_user, \"$1\"}"
    echo '['; for f in $state/perms/*~$1; do [ -e $f ] || continue; h=${f##*/}; h=${h%~*}
    echo "$comma{\"vhost\":\"${h//ROOT//}\",$(cat $f)}"; comma=,; done; echo ']';;
set_policy) echo "Setting policy \"$1\" ..."; printf '%s\t%s\t%s\t%s\t%s\t%s\n' $host "$1" "$2" "${apply:-all}" "$3" ${priority:-0} > $state/policies/$place~$1;;
list_policies) [ -n "$(ls $state/policies/$place~* 2>/dev/null)" ] || exit 0
    printf 'vhost\tname\tpattern\tapply-to\tdefinition\tpriority\n'; cat $state/policies/$place~*;;
clear_policy) [ -e $state/policies/$place~$1 ] || fail 69 'Parameter does not exist'
    echo "Clearing policy \"$1\" on vhost \"$host\" ..."; rm $state/policies/$place~$1;;
set_parameter) echo "Setting runtime parameter \"$2\" ..."; echo "$3" > $state/upstreams/$2;;
list_parameters) [ -n "$(ls $state/upstreams)" ] || exit 0
    printf 'component\tname\tvalue\n'; for f in $state/upstreams/*; do printf 'federation-upstream\t%s\t%s\n' ${f##*/} "$(cat $f)"; done;;
clear_parameter) [ -e $state/upstreams/$2 ] || fail 69 'Parameter does not exist'
    echo "Clearing runtime parameter \"$2\" ..."; rm $state/upstreams/$2;;
list_queues) printf 'name\tmessages\nq1\t3\n';;
stop_app|start_app|reset|force_reset|join_cluster) echo "$command done ...";;
esac
"""
NAMES = ("rabbitmqctl", "rabbitmq-plugins")

HEADS = "the heads of a table are none of its rows"
WHY_NOT = "what RabbitMQ says is told"
CALLS = [
    Call("rabbitmq.add_user", "bob", "secret"),
    Call("rabbitmq.add_user", "bob", "secret"),
    Call("rabbitmq.add_user", "nopass"),
    Call("rabbitmq.add_user", "x", "a\nb", ours=refuses("A password is one line"), why="the rest would be lost"),
    Call("rabbitmq.check_password", "bob", "secret"),
    Call("rabbitmq.check_password", "bob", "wrong", ours=returns(False), why="an answer is no failure"),
    Call("rabbitmq.change_password", "bob", "new pass"),
    Call("rabbitmq.clear_password", "bob"),
    Call("rabbitmq.set_user_tags", "bob", ["monitoring", "management"]),
    Call("rabbitmq.list_users", ours=returns({"bob": ["monitoring", "management"], "nopass": [""]}), why=HEADS),
    Call("rabbitmq.user_exists", "bob"),
    Call("rabbitmq.user_exists", "user", ours=returns(False), why=HEADS),
    Call("rabbitmq.add_vhost", "v1"),
    Call("rabbitmq.vhost_exists", "v1"),
    Call("rabbitmq.list_vhosts", ours=returns(["/", "v1"]), why=HEADS),
    Call("rabbitmq.set_permissions", "v1", "bob", ".*", "^x", ""),
    Call("rabbitmq.set_permissions", "nope", "bob"),
    Call("rabbitmq.list_permissions", "v1"),
    Call("rabbitmq.list_permissions", "nope", why=WHY_NOT,
         ours=refuses("RabbitMQ command failed: Virtual host 'nope' does not exist")),
    Call("rabbitmq.list_user_permissions", "bob"),
    Call("rabbitmq.list_policies"),
    Call("rabbitmq.set_policy", "/", "HA", ".*", '{"max-length":5}', priority=2, apply_to="queues"),
    Call("rabbitmq.list_policies", why=HEADS, ours=returns({"/": {"HA": {
        "pattern": ".*", "apply_to": "queues", "definition": '{"max-length":5}', "priority": "2"}}})),
    Call("rabbitmq.policy_exists", "/", "HA"),
    Call("rabbitmq.delete_policy", "/", "HA"),
    Call("rabbitmq.delete_policy", "/", "HA"),
    Call("rabbitmq.list_queues", ours=returns({"q1": ["3"]}), why=HEADS),
    Call("rabbitmq.list_queues_vhost", "v1", ours=returns({"q1": ["3"]}), why=HEADS),
    Call("rabbitmq.list_available_plugins"),
    Call("rabbitmq.enable_plugin", "rabbitmq_federation"),
    Call("rabbitmq.enable_plugin", "nosuch"),
    Call("rabbitmq.list_enabled_plugins"),
    Call("rabbitmq.disable_plugin", "rabbitmq_federation"),
    Call("rabbitmq.set_upstream", "up", "amqp://x", max_hops=2, ack_mode="on-confirm"),
    Call("rabbitmq.list_upstreams", why=HEADS,
         ours=returns({"up": '{"uri": "amqp://x", "ack-mode": "on-confirm", "max-hops": 2}'})),
    Call("rabbitmq.delete_upstream", "up"),
    Call("rabbitmq.delete_upstream", "up"),
    Call("rabbitmq.delete_user", "bob"),
    Call("rabbitmq.delete_user", "bob"),
    Call("rabbitmq.delete_user", "-q", ours=refuses("Invalid name: '-q'"), why="a name is no option"),
    *(Call(f"rabbitmq.{function}") for function in ("status", "cluster_status", "stop_app", "start_app", "reset")),
    Call("rabbitmq.force_reset"),
    Call("rabbitmq.join_cluster", "other", ram_node=True),
]  # fmt: skip

SET = {"perms": {"old": {"v2": {"configure": ".*", "write": ".*", "read": ""}},
                 "new": {"v2": {"configure": "a", "write": "b", "read": "c"}}}}  # fmt: skip
SAME = "'amy' is already in the desired state."
NONE = "a second run changes nothing"
OLD = {"old": "P", "new": ""}
ROWS = [
    Row("rabbitmq_vhost.present", "v2"),
    Row("rabbitmq_user.present", "amy", password="s3cret", tags=["monitoring"], perms=[{"v2": [".*", ".*", ""]}]),
    Row("rabbitmq_user.present", "amy", password="other", force=True, tags="management", again=done(SAME), why=NONE),
    Row("rabbitmq_user.present", "amy", password="more"),
    Row("rabbitmq_user.present", "amy", perms=[{"v2": ["a", "b", "c"]}], why="what differs is set",
        preview=pending("Configuration for 'amy' will change.", **SET), applied=done("'amy' was configured.", **SET)),
    Row("rabbitmq_user.present", "nopass2"),
    Row("rabbitmq_policy.present", "P", pattern="^a", definition='{"max-length": 5}', vhost="v2"),
    Row("rabbitmq_policy.present", "P", pattern="^b", definition='{"max-length":6}', vhost="v2", priority=3,
        apply_to="queues", again=done("Policy v2 P is already present"), why=NONE),
    Row("rabbitmq_policy.absent", "P", vhost="v2", preview=pending("Policy 'v2 P' will be removed.", **OLD),
        applied=done('Clearing policy "P" on vhost "v2" ...', **OLD), why="policies of other hosts are seen"),
    Row("rabbitmq_plugin.enabled", "rabbitmq_federation"),
    Row("rabbitmq_plugin.enabled", "nosuch"),
    Row("rabbitmq_upstream.present", "u1", uri="amqp://a", prefetch_count=5),
    Row("rabbitmq_upstream.present", "u1", uri="amqp://b", max_hops=2),
    Row("rabbitmq_upstream.present", "u2", uri="amqp://me:secret@b", phases=["applied"], why="a password is not told",
        applied=done('Upstream "u2" created.', old=None, new={"uri": "amqp://me:***@b"})),
    Row("rabbitmq_upstream.absent", "u1"),
    Row("rabbitmq_plugin.disabled", "rabbitmq_federation"),
    Row("rabbitmq_user.absent", "amy"),
    Row("rabbitmq_vhost.absent", "v2"),
    Row("rabbitmq_cluster.joined", "x", host="m1"),
    Row("rabbitmq_cluster.joined", "x", host="other", phases=["preview", "applied"]),
]  # fmt: skip


def programs(folder):
    """The programs, in the folder `bin` of this folder."""
    for name in NAMES:
        path = folder / "bin" / name
        path.write_text(PROGRAM.replace("W/", f"{folder}/"))
        path.chmod(0o755)

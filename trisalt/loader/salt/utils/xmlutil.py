"""XML as mappings."""

from xml.etree import ElementTree


def to_dict(xmltree, attr=False):
    """An element with what is in it; attributes too, if they are asked for."""
    children = list(xmltree)
    if not children:
        if attr and xmltree.attrib:
            return {_name(xmltree): xmltree.text, **xmltree.attrib} if xmltree.text else dict(xmltree.attrib)
        return {_name(xmltree): xmltree.text}
    made = dict(xmltree.attrib) if attr else {}
    for child in children:
        name = _name(child)
        value = to_dict(child, attr) if len(child) or (attr and child.attrib) else child.text
        if name not in made:
            made[name] = value
        else:
            # Those that follow the first are maps of their own, also where they hold a text alone.
            before = made[name] if isinstance(made[name], list) else [made[name]]
            made[name] = [*before, to_dict(child, attr)]
    return made


def _name(element):
    return element.tag.partition("}")[2] or element.tag


def get_xml_node(node, xpath):
    """The element at a path, made where it is not there."""
    for part in xpath.split("/"):
        found = node.find(part)
        node = ElementTree.SubElement(node, part) if found is None else found
    return node


def set_node_text(node, value):
    """Give an element a text; whether it had another."""
    text = str(value)
    if node.text == text:
        return False
    node.text = text
    return True

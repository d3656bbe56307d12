package bambu

import "unique"

// A node is a value of a printer's state. Objects keep the order of their
// members, scalars the printer's own text (0.4000000059604645 stays that, and
// integers above 2^53 lose nothing). A value that changes is written over the
// old one's memory, so that a report of known members allocates nothing.
type node struct {
	name string // of an object's member, decoded
	text []byte // of a scalar, as JSON
	kids []node // of an object or array
	kind kind
}

// nodeBytes is about what a node takes beside its text.
const nodeBytes = 80

// child finds a member, or nil.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.kids {
		if n.kids[i].name == name {
			return &n.kids[i]
		}
	}
	return nil
}

// path follows member names down, or gives nil.
func (n *node) path(names ...string) *node {
	for _, name := range names {
		n = n.child(name)
	}
	return n
}

// element finds the object of an array that has this id, or nil. Ids are
// compared by their words, since firmware writes them as strings or numbers.
func (n *node) element(id []byte) *node {
	for i := range n.kids {
		if c := n.kids[i].child("id"); c != nil && string(bare(c.text)) == string(id) {
			return &n.kids[i]
		}
	}
	return nil
}

// bare strips the quotes of a string; ids have no escapes.
func bare(raw []byte) []byte {
	if len(raw) >= 2 && raw[0] == '"' {
		return raw[1 : len(raw)-1]
	}
	return raw
}

// intern gives one string for all printers that use the name.
func intern(name []byte) string { return unique.Make(string(name)).Value() }

// extend adds an empty node at the end of kids, in old memory if there is any.
func extend(kids []node) []node {
	if len(kids) < cap(kids) {
		return kids[:len(kids)+1]
	}
	return append(kids, node{})
}

// size is about what the node and all below it take, in bytes.
func (n *node) size() int {
	sum := cap(n.text) + nodeBytes*cap(n.kids)
	for i := range n.kids {
		sum += n.kids[i].size()
	}
	return sum
}

// drop removes the members or elements that match. Their memory stays behind the
// end for the next ones.
func (n *node) drop(match func(*node) bool) {
	kept := 0
	for i := range n.kids {
		if match(&n.kids[i]) {
			continue
		}
		if kept != i {
			n.kids[kept], n.kids[i] = n.kids[i], n.kids[kept]
		}
		kept++
	}
	n.kids = n.kids[:kept]
}

// prune drops what matches at every depth.
func (n *node) prune(match func(*node) bool) {
	n.drop(match)
	for i := range n.kids {
		n.kids[i].prune(match)
	}
}

// appendJSON writes the value compactly.
func (n *node) appendJSON(b []byte) []byte {
	switch n.kind {
	case objectKind:
		b = append(b, '{')
		b = n.appendMembers(b)
		return append(b, '}')
	case arrayKind:
		b = append(b, '[')
		for i := range n.kids {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.kids[i].appendJSON(b)
		}
		return append(b, ']')
	case stringKind, numberKind, literalKind:
		return append(b, n.text...)
	case noKind, nameKind:
	}
	return append(b, "null"...)
}

// appendMembers writes the members of an object without its braces.
func (n *node) appendMembers(b []byte) []byte {
	for i := range n.kids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, n.kids[i].name)
		b = append(b, ':')
		b = n.kids[i].appendJSON(b)
	}
	return b
}

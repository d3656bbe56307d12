package bambu

import (
	"bytes"

	"github.com/grovecloud/grove"
)

// Merge reads a message from the printer (the whole payload). Reports of state
// (print.push_status, and fragments of print without a command) are merged;
// all else, such as replies to commands, is only described. The payload is not
// kept. On an error the state is as it was, except when the error says that the
// state has grown too large, which empties it: ask the printer for everything.
//
// Objects are merged member by member and everything else is replaced, but
// filament units, trays, external spools, extruders and nozzles, of which
// firmware sends single ones, are merged by their id (seen in captures; BambuStudio
// replaces lists whole). A full report names all of those that there are.
func (s *State) Merge(payload []byte) (Report, error) {
	d, err := readDocument(payload, maxReportBytes, false)
	if err != nil {
		return Report{}, err
	}
	defer d.close()
	r, body := d.report()
	if body < 0 {
		return r, grove.Errorf(grove.Invalid, "malformed_report", "a printer's message must be an object in an object, such as {\"print\":{…}}")
	}
	if r.Class != classPrint || r.Command != "" && r.Command != pushStatus {
		return r, nil
	}
	m := merging{d: d, full: r.Full}
	m.value(&s.root, body, reportShape)
	r.Merged = true
	return r, s.bound(len(payload), m.grew)
}

// bound empties a state that has grown beyond all reason.
func (s *State) bound(report int, grew bool) error {
	if !grew {
		return nil
	}
	if s.added += report; s.added < maxReportBytes {
		return nil
	}
	s.added = 0
	if s.root.size() <= maxStateBytes {
		return nil
	}
	s.root = node{kind: objectKind}
	return grove.Errorf(grove.TooLarge, "state_too_large", "the printer's merged state outgrew %d bytes and was dropped", maxStateBytes)
}

// maxListed bounds an array that is merged by id; a longer one is replaced.
const maxListed = 64

// merging is one document on its way into a tree.
type merging struct {
	d         *document
	full      bool // lists name all that there is
	grew      bool // memory was added
	sameSpool bool // the tray at hand is still what it was
}

// value merges value i of the document into n.
func (m *merging) value(n *node, i int, sh shape) {
	k := m.d.tokens[i].kind
	switch {
	case k == objectKind && sh == trayShape && n.kind == objectKind:
		m.tray(n, i)
	case k == objectKind:
		if n.kind != objectKind {
			m.become(n, objectKind, m.d.members(i))
		}
		m.members(n, i, sh)
	case k == arrayKind && n.kind == arrayKind && sh.byID() && m.identified(i):
		m.list(n, i, sh)
	case k == arrayKind:
		m.replaceArray(n, i, sh)
	default:
		m.scalar(n, i)
	}
	if sh == amsShape && k == objectKind {
		m.exist(n, i)
	}
}

// members merges the members of object i into the object n. Members mostly come
// in the order in which they came before, so the search goes on where it was.
func (m *merging) members(n *node, i int, sh shape) {
	at := 0
	for j := i + 1; j < m.d.after(i); j = m.d.after(j + 1) {
		name := m.d.name(j)
		if m.ignores(n, j, sh) {
			continue
		}
		k := n.next(name, &at)
		if k == nil {
			if k = m.addMember(n, name); k == nil {
				continue
			}
		}
		m.value(k, j+1, sh.member(k.name))
	}
}

// next finds a member, searching from the given place around.
func (n *node) next(name []byte, at *int) *node {
	for range n.kids {
		if *at >= len(n.kids) {
			*at = 0
		}
		k := &n.kids[*at]
		*at++
		if k.name == string(name) {
			return k
		}
	}
	return nil
}

// addMember adds a member without a value, or gives nil if there are too many:
// no printer has a quarter as many.
func (m *merging) addMember(n *node, name []byte) *node {
	if len(n.kids) >= maxMembers {
		return nil
	}
	k := m.add(n)
	if k.name != string(name) {
		k.name = intern(name)
	}
	return k
}

// add adds a node without a value at the end of n.
func (m *merging) add(n *node) *node {
	m.grew = m.grew || len(n.kids) == cap(n.kids)
	n.kids = extend(n.kids)
	k := &n.kids[len(n.kids)-1]
	k.kind = noKind
	return k
}

// become empties n and makes it an object or array for so many members.
func (m *merging) become(n *node, k kind, members int) {
	n.kind, n.kids, n.text = k, n.kids[:0], nil
	if cap(n.kids) == 0 && members > 0 {
		m.grew = true
		n.kids = make([]node, 0, members)
	}
}

// replaceArray makes n the array i.
func (m *merging) replaceArray(n *node, i int, sh shape) {
	m.become(n, arrayKind, m.d.elements(i))
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		k := m.add(n)
		k.name = ""
		m.value(k, j, sh.element())
	}
}

// scalar makes n the scalar i.
func (m *merging) scalar(n *node, i int) {
	raw := m.d.raw(i)
	if len(raw) > cap(n.text) {
		m.grew = true
	}
	n.kind, n.kids = m.d.tokens[i].kind, n.kids[:0]
	n.text = append(n.text[:0], raw...)
}

// identified reports whether array i can be merged by id: few objects, each with one.
func (m *merging) identified(i int) bool {
	count := 0
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		if count++; count > maxListed || len(m.id(j)) == 0 {
			return false
		}
	}
	return true
}

// id is the id of object i, without quotes; empty if it has none.
func (m *merging) id(i int) []byte {
	v := m.d.member(i, "id")
	if v < 0 {
		return nil
	}
	switch m.d.tokens[v].kind {
	case stringKind, numberKind:
		return bare(m.d.raw(v))
	case noKind, objectKind, arrayKind, literalKind, nameKind:
	}
	return nil
}

// list merges array i into the array n by the ids of its elements.
func (m *merging) list(n *node, i int, sh shape) {
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		k := n.element(m.id(j))
		if k == nil {
			k = m.add(n)
			k.name = ""
		}
		m.value(k, j, sh.element())
	}
	if m.full {
		n.drop(func(k *node) bool { return !m.lists(i, k) })
	}
}

// lists reports whether array i has an element with the id of k.
func (m *merging) lists(i int, k *node) bool {
	c := k.child("id")
	if i < 0 || c == nil {
		return false
	}
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		if bytes.Equal(m.id(j), bare(c.text)) {
			return true
		}
	}
	return false
}

// ignores reports whether the member named by token j stays out of n: what
// belongs to the message alone, and an RFID of zeros for a spool whose RFID is
// known (the reader only failed this time).
func (m *merging) ignores(n *node, j int, sh shape) bool {
	name := m.d.name(j)
	switch sh {
	case reportShape:
		return ofMessage(string(name))
	case trayShape:
		if !m.sameSpool || string(name) != "tag_uid" && string(name) != "tray_uuid" || !zeros(m.d.raw(j+1)) {
			return false
		}
		old := n.child(string(name))
		return old != nil && !zeros(old.text)
	case otherShape, amsShape, unitsShape, unitShape, traysShape, deviceShape, toolShape, listShape:
	}
	return false
}

// ofMessage reports whether a member of print tells of the message, not of the
// printer.
func ofMessage(name string) bool {
	return name == "command" || name == "msg" || name == "sequence_id" || name == reportedAtMember || name == NotedMember
}

// zeros reports whether an RFID means none.
func zeros(raw []byte) bool { return len(bytes.Trim(bare(raw), "0")) == 0 }

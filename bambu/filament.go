package bambu

import (
	"bytes"
	"strconv"
)

// tray merges object i into the tray n. A tray that is nothing but an id, or an
// id and a state that means empty or unread, has lost its details.
func (m *merging) tray(n *node, i int) {
	if m.cleared(i) {
		n.kids = n.kids[:0]
		m.members(n, i, otherShape)
		return
	}
	m.sameSpool = !m.full && m.keepsSpool(n, i)
	m.members(n, i, trayShape)
	m.sameSpool = false
}

// cleared reports whether object i is a tray without details.
func (m *merging) cleared(i int) bool {
	for j := i + 1; j < m.d.after(i); j = m.d.after(j + 1) {
		switch string(m.d.name(j)) {
		case "id":
		case "state":
			switch string(bare(m.d.raw(j + 1))) {
			case "0", "8", "9":
			default:
				return false
			}
		default:
			return false
		}
	}
	return true
}

// keepsSpool reports whether update i of tray n says nothing that would speak
// for another spool.
func (m *merging) keepsSpool(n *node, i int) bool {
	for _, name := range []string{"tray_info_idx", "tray_type", "tray_sub_brands", "tray_color", "tray_id_name"} {
		now := m.d.member(i, name)
		if now < 0 {
			continue
		}
		if old := n.child(name); old == nil || !bytes.Equal(old.text, m.d.raw(now)) {
			return false
		}
	}
	return true
}

// exist applies the bits of update i of the ams object n that tell which units
// and trays there are: they are right even if nothing else is sent.
func (m *merging) exist(n *node, i int) {
	units := n.child("ams")
	if units == nil || units.kind != arrayKind {
		return
	}
	if bits, ok := m.bits(i, "ams_exist_bits"); ok {
		listed := m.d.member(i, "ams")
		units.drop(func(u *node) bool {
			return gone(bits, unitBit(u.child("id").place())) && !m.lists(listed, u)
		})
	}
	if bits, ok := m.bits(i, "tray_exist_bits"); ok {
		for u := range units.kids {
			clearTrays(&units.kids[u], bits)
		}
	}
}

// bits reads a member of object i that is a string of hex digits.
func (m *merging) bits(i int, name string) (uint64, bool) {
	v := m.d.member(i, name)
	if v < 0 {
		return 0, false
	}
	bits, err := strconv.ParseUint(string(bare(m.d.raw(v))), 16, 64)
	return bits, err == nil
}

// clearTrays leaves id and state of those trays of a unit that are not there.
func clearTrays(unit *node, bits uint64) {
	trays := unit.child("tray")
	if trays == nil || trays.kind != arrayKind {
		return
	}
	id := unit.child("id").place()
	for t := range trays.kids {
		tray := &trays.kids[t]
		if gone(bits, trayBit(id, tray.child("id").place())) {
			tray.drop(func(k *node) bool { return k.name != "id" && k.name != "state" })
		}
	}
}

func gone(bits uint64, bit int) bool { return bit >= 0 && bits>>bit&1 == 0 }

// unitBit is a unit's place in ams_exist_bits, or -1 if that is not known: 0 to
// 3 for units of four trays, then the AMS HT.
func unitBit(unit int) int {
	switch {
	case unit >= 0 && unit <= 3:
		return unit
	case unit >= firstHT && unit <= lastHT:
		return 4 + unit - firstHT
	}
	return -1
}

// trayBit is a tray's place in tray_exist_bits, or -1 if that is not known.
func trayBit(unit, slot int) int {
	switch {
	case slot < 0 || slot > 3:
	case unit >= 0 && unit <= 3:
		return unit*4 + slot
	case unit == unitA2L:
		return 24 + slot
	case unit >= firstHT && unit <= lastHT && slot == 0:
		return 16 + unit - firstHT
	}
	return -1
}

// Ids of filament units that are not the usual four.
const (
	unitA2L = 16 // the A2L's AMS Lite
	firstHT = 128
	lastHT  = 135
)

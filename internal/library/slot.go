package library

import (
	"context"
	"fmt"

	"github.com/grovecloud/grove"
)

// Slot is what a slicer says of one slot of a filament unit: which spool of this
// account it holds, by number or RFID, or what the printer reads of one that may
// be new.
type Slot struct {
	Place   grove.Place
	SpoolID int64
	Spool   grove.Spool
}

// maxSlots is how many slots one call may speak of: more than any printer has.
const maxSlots = 64

// SyncSlots takes over what a printer's filament units hold. Spools that are known
// by their RFID move to their slots, others with an RFID are new; a slot without
// one keeps the spool that was put there by hand. It gives the spool of each slot,
// 0 for none, and the RFIDs that were new.
func (l *Library) SyncSlots(ctx context.Context, actor grove.Actor, slots []Slot) (spools []int64, created []string, err error) {
	err = l.arrange(ctx, actor, slots, func(r *rack, slot *Slot) error {
		i := byRFID(r.spools, slot.Spool.RFID)
		switch {
		case slot.Spool.RFID == "":
			r.at = append(r.at, r.in(slot.Place))
			return nil
		case i < 0:
			if err := spoolRoom(len(r.spools), true); err != nil {
				return err
			}
			s := slot.Spool
			s.CreatedAt = now()
			r.spools = append(r.spools, s)
			i = len(r.spools) - 1
			r.created = append(r.created, s.RFID)
		}
		r.put(i, slot.Place)
		return nil
	}, func(r *rack, ids []int64) {
		spools, created = make([]int64, len(slots)), r.created
		for n, i := range r.at {
			if i >= 0 {
				spools[n] = ids[i]
			}
		}
	})
	return spools, created, err
}

// MapSlots puts spools into slots by hand; number 0 without an RFID empties a slot.
// known says for each slot whether its spool is one of this account.
func (l *Library) MapSlots(ctx context.Context, actor grove.Actor, slots []Slot) (known []bool, err error) {
	err = l.arrange(ctx, actor, slots, func(r *rack, slot *Slot) error {
		i := byID(r.spools, slot.SpoolID)
		if slot.SpoolID == 0 {
			i = byRFID(r.spools, slot.Spool.RFID)
		}
		r.known = append(r.known, i >= 0 || slot.SpoolID == 0 && slot.Spool.RFID == "")
		if i < 0 && !r.known[len(r.known)-1] {
			return nil
		}
		r.put(i, slot.Place)
		return nil
	}, func(r *rack, _ []int64) { known = r.known })
	return known, err
}

// rack is a person's spools while they are moved.
type rack struct {
	spools  []grove.Spool
	moved   map[int]bool
	at      []int // the spool of each slot so far, by index; -1 none
	created []string
	known   []bool
}

// in is the spool in a place, -1 when there is none.
func (r *rack) in(p grove.Place) int {
	for i := range r.spools {
		if r.spools[i].Place.Is(p) {
			return i
		}
	}
	return -1
}

// put moves spool i into a place, which whatever was there leaves; -1 only empties it.
func (r *rack) put(i int, p grove.Place) {
	if former := r.in(p); former >= 0 && former != i {
		r.spools[former].Place = grove.Place{}
		r.moved[former] = true
	}
	if i >= 0 && (r.spools[i].Place != p || r.spools[i].ID == 0) {
		r.spools[i].Place = p
		r.moved[i] = true
	}
	r.at = append(r.at, i)
}

// arrange lets each slot change the rack and saves what moved; done sees the rack
// with the numbers of all its spools, after the commit.
func (l *Library) arrange(ctx context.Context, actor grove.Actor, slots []Slot, each func(*rack, *Slot) error, done func(*rack, []int64)) error {
	owner, err := ownerOf(actor)
	if err != nil {
		return err
	}
	if len(slots) > maxSlots {
		return wrongSpool("items", "are more than the %d slots that one call may speak of", maxSlots)
	}
	var r *rack
	var order []int // of the saved spools, their indexes in the rack
	saved, err := l.Records.UpdateSpools(ctx, owner, func(have []grove.Spool) (grove.SpoolChange, error) {
		r, order = &rack{spools: have, moved: map[int]bool{}}, nil
		for i := range slots {
			if err := each(r, &slots[i]); err != nil {
				return grove.SpoolChange{}, err
			}
		}
		var change grove.SpoolChange
		for i := range r.spools {
			if !r.moved[i] {
				continue
			}
			s := r.spools[i]
			s.UpdatedAt = now()
			if err := checkSpool(&s); err != nil {
				return grove.SpoolChange{}, err
			}
			change.Save, order = append(change.Save, s), append(order, i)
		}
		return change, nil
	}, actor.Did("spool.place", ""))
	if err != nil {
		return fmt.Errorf("arrange spools: %w", err)
	}
	ids := make([]int64, len(r.spools))
	for i := range r.spools {
		ids[i] = r.spools[i].ID
	}
	for n, i := range order {
		ids[i] = saved[n].ID
	}
	done(r, ids)
	return nil
}

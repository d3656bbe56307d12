package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// spool is a loaded tray.
type spool struct {
	grove.Tray
	flat int
}

// fill gives each filament of the plate a tray, where the wish is to use the AMS and
// names none: one of the same type, of the nearest colour, and no tray twice unless
// type and colour are the same. What is not loaded is refused, and said.
func fill(o grove.Options, p grove.Plate, live grove.Live) (grove.Options, error) {
	if !o.UseAMS || len(o.AMSMapping) > 0 || len(p.Filaments) == 0 {
		return o, nil
	}
	if len(live.Shadow.AMS) == 0 {
		if len(p.Filaments) > 1 {
			return o, unfilled("%s has no AMS, and the plate needs %d filaments", live.Name, len(p.Filaments))
		}
		o.UseAMS = false // from the spool outside; a printer refuses to use what it has not
		return o, nil
	}
	if m, ok := bambu.LookupModel(live.Model); ok && m.Nozzles > 1 {
		return o, unfilled("%s has two nozzles, so which tray feeds which is not chosen by itself; say which trays to take (ams_mapping)", live.Name)
	}
	chosen, err := match(p.Filaments, spools(live.Shadow.AMS), live.Name)
	if err != nil {
		return o, err
	}
	highest := 0
	for _, f := range p.Filaments {
		highest = max(highest, f.ID)
	}
	o.AMSMapping = slices.Repeat([]int{-1}, highest)
	for i, f := range p.Filaments {
		o.AMSMapping[f.ID-1] = chosen[i]
	}
	return o, nil
}

func unfilled(format string, args ...any) error {
	return grove.Errorf(grove.Conflict, "filament_not_loaded", format, args...)
}

func spools(units []grove.AMS) []spool {
	var all []spool
	for _, u := range units {
		unit, err := strconv.Atoi(u.ID)
		if err != nil {
			continue
		}
		for _, t := range u.Trays {
			slot, err := strconv.Atoi(t.ID)
			if flat, ok := bambu.FlatTray(unit, slot); err == nil && ok && flat >= 0 && t.Type != "" {
				all = append(all, spool{t, flat})
			}
		}
	}
	return all
}

// pair is a filament that could come from a tray.
type pair struct {
	filament, tray int // indexes
	distance       int
	preset         int // 0: the very same preset
}

// match gives the flat tray number for each filament: the nearest pairs first.
func match(filaments []grove.Filament, trays []spool, printer string) ([]int, error) {
	var pairs []pair
	for i, f := range filaments {
		if f.ID < 1 || f.Type == "" {
			return nil, unfilled("the file does not say what its filament %d is; say which tray to take (ams_mapping)", f.ID)
		}
		for j, t := range trays {
			if !strings.EqualFold(f.Type, t.Type) {
				continue
			}
			p := pair{filament: i, tray: j, distance: distance(f.Color, t.Color)}
			if f.Preset != t.FilamentID {
				p.preset = 1
			}
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.preset, b.preset))
	})
	chosen := slices.Repeat([]int{-1}, len(filaments))
	user := make([]int, len(trays)) // index of the filament that has it, and one
	for _, p := range pairs {
		if chosen[p.filament] < 0 && (user[p.tray] == 0 || alike(filaments[user[p.tray]-1], filaments[p.filament])) {
			chosen[p.filament], user[p.tray] = trays[p.tray].flat, p.filament+1
		}
	}
	if i := slices.Index(chosen, -1); i >= 0 {
		f := filaments[i]
		words := fmt.Sprintf("%s needs %s (colour #%.6s, filament %d of the file), and", printer, f.Type, f.Color, f.ID)
		if !slices.ContainsFunc(pairs, func(p pair) bool { return p.filament == i }) {
			return nil, unfilled("%s no tray has it; load it, or say which tray to take (ams_mapping)", words)
		}
		return nil, unfilled("%s the trays that have it are taken by other filaments of the plate; load one more, or say which tray to take (ams_mapping)", words)
	}
	return chosen, nil
}

func alike(a, b grove.Filament) bool {
	return strings.EqualFold(a.Type, b.Type) && strings.EqualFold(a.Color, b.Color)
}

// distance of two colours RRGGBB…, squared; one that can't be read is the farthest.
func distance(a, b string) int {
	const farthest = 3*255*255 + 1
	x, okX := rgb(a)
	y, okY := rgb(b)
	if !okX || !okY {
		return farthest
	}
	sum := 0
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return sum
}

func rgb(color string) (parts [3]int, ok bool) {
	if len(color) < 6 {
		return parts, false
	}
	n, err := strconv.ParseUint(color[:6], 16, 32)
	return [3]int{int(n >> 16 & 0xff), int(n >> 8 & 0xff), int(n & 0xff)}, err == nil
}

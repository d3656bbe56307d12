package queue

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// spool is a loaded tray, or the spool outside, whose number is -1.
type spool struct {
	grove.Tray
	flat int
}

const outside = -1

// loading is where the filaments of a plate come from on a printer.
type loading struct {
	options grove.Options
	from    []grove.FilamentFit
}

// load gives each filament of the plate a tray, where the wish is to use the AMS and
// names none, or that what it needs is loaded: one of the same type, of the nearest
// colour, and no tray twice unless type and colour are the same. One filament may come
// from the spool outside where no tray has it. What is not loaded is refused, and said.
func (w wish) load(live grove.Live) (loading, error) {
	l, picky := loading{options: w.options}, w.any != nil && (w.any.Material || w.any.Color)
	filaments := w.plate.Filaments
	switch {
	case len(w.options.AMSMapping) > 0:
		l.from = fits(filaments, named(filaments, w.options.AMSMapping, live.Shadow.AMS))
		return l, nil
	case !w.options.UseAMS && !picky:
		return l, nil
	case len(filaments) == 0 && picky:
		return l, unfilled(values{"what": grove.FilamentUnnamed},
			"%s does not say what filament its plate takes, so none can be matched; name the printer instead", w.file.Name)
	case len(filaments) == 0:
		return l, nil
	}
	none := len(live.Shadow.AMS) == 0
	if none && len(filaments) > 1 {
		return l, unfilled(values{"what": grove.FilamentNoAMS, "filaments": len(filaments)},
			"%s has no AMS, and the plate needs %d filaments", live.Name, len(filaments))
	}
	if none && !picky {
		l.options.UseAMS = false // from the spool outside; a printer refuses to use what it has not
		return l, nil
	}
	if m, ok := bambu.LookupModel(live.Model); ok && m.Nozzles > 1 {
		return l, unfilled(values{"what": grove.FilamentTwoNozzles},
			"%s has two nozzles, so which tray feeds which is not chosen by itself; say which trays to take (ams_mapping)", live.Name)
	}
	chosen, err := w.pick(live)
	if err != nil {
		return l, err
	}
	l.from = fits(filaments, chosen)
	l.options.UseAMS = chosen[0].flat != outside
	if l.options.UseAMS {
		l.options.AMSMapping, l.options.AutoMapped = mapping(filaments, chosen), true
	}
	if w.any != nil && w.any.Color {
		err = near(l.from, live.Name)
	}
	return l, err
}

// pick chooses a spool for each filament.
func (w wish) pick(live grove.Live) ([]spool, error) {
	filaments := w.plate.Filaments
	var err error
	if w.options.UseAMS {
		var chosen []spool
		if chosen, err = match(filaments, spools(live.Shadow.AMS), live.Name); err == nil {
			return chosen, nil
		}
	}
	if len(filaments) > 1 {
		return nil, cmp.Or(err, unfilled(values{"what": grove.FilamentNoneUsed, "filaments": len(filaments)},
			"the plate needs %d filaments, and without use_ams there is one", len(filaments)))
	}
	var beside []spool
	for _, t := range live.Shadow.External {
		beside = append(beside, spool{t, outside})
	}
	chosen, none := match(filaments, beside, live.Name)
	if none != nil {
		return nil, cmp.Or(err, none)
	}
	return chosen, nil
}

// named are the spools that a mapping gives the filaments; nothing is known of one that
// is not there.
func named(filaments []grove.Filament, flat []int, units []grove.AMS) []spool {
	all, out := spools(units), make([]spool, len(filaments))
	for i, f := range filaments {
		out[i] = spool{grove.Tray{RemainingPercent: -1}, outside}
		if f.ID < 1 || f.ID > len(flat) {
			continue
		}
		out[i].flat = flat[f.ID-1]
		if at := slices.IndexFunc(all, func(s spool) bool { return s.flat == flat[f.ID-1] }); at >= 0 {
			out[i] = all[at]
		}
	}
	return out
}

// fits says how good a choice is.
func fits(filaments []grove.Filament, chosen []spool) []grove.FilamentFit {
	out := make([]grove.FilamentFit, len(filaments))
	for i, f := range filaments {
		t, d := chosen[i], distance(f.Color, chosen[i].Color)
		out[i] = grove.FilamentFit{
			Filament: f, Tray: t.flat, TrayType: t.Type, TrayColor: t.Color, Match: matchOf(d), Remaining: t.RemainingPercent,
		}
		if d < farthest {
			out[i].DeltaE = math.Round(d*10) / 10
		}
	}
	return out
}

// mapping is a choice as printers want it.
func mapping(filaments []grove.Filament, chosen []spool) []int {
	highest := 0
	for _, f := range filaments {
		highest = max(highest, f.ID)
	}
	out := slices.Repeat([]int{outside}, highest)
	for i, f := range filaments {
		out[f.ID-1] = chosen[i].flat
	}
	return out
}

// near refuses a choice with a colour that is not what the file has.
func near(from []grove.FilamentFit, printer string) error {
	for _, f := range from {
		switch f.Match {
		case grove.ColorSame, grove.ColorClose:
		case grove.ColorDifferent:
			return grove.Errorf(grove.Conflict, grove.MisfitColor, "filament %d of the file is %s #%.6s, and the nearest on %s is #%.6s, which is another colour (ΔE %.0f)",
				f.ID, f.Type, f.Color, printer, f.TrayColor, f.DeltaE).With(told(f.Filament, values{"nearest": f.TrayColor, "delta_e": f.DeltaE}))
		case grove.ColorUnknown:
			return grove.Errorf(grove.Conflict, grove.MisfitColor, "which colour the %s on %s has is not known, or which one filament %d of the file has", f.Type, printer, f.ID).
				With(told(f.Filament, nil))
		}
	}
	return nil
}

func unfilled(of values, format string, args ...any) error {
	return grove.Errorf(grove.Conflict, grove.MisfitFilament, format, args...).With(of)
}

// told are the values of one filament of a file.
func told(f grove.Filament, more values) values {
	all := values{"filament": f.ID, "type": f.Type, "color": f.Color}
	maps.Copy(all, more)
	return all
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
	distance       float64
	preset         int // 0: the very same preset
}

// match gives the tray for each filament: the nearest pairs first.
func match(filaments []grove.Filament, trays []spool, printer string) ([]spool, error) {
	var pairs []pair
	for i, f := range filaments {
		if f.ID < 1 || f.Type == "" {
			return nil, unfilled(values{"what": grove.FilamentUnknown, "filament": f.ID},
				"the file does not say what its filament %d is; say which tray to take (ams_mapping)", f.ID)
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
	chosen := make([]spool, len(filaments))
	given := make([]bool, len(filaments))
	user := make([]int, len(trays)) // index of the filament that has it, and one
	for _, p := range pairs {
		if !given[p.filament] && (user[p.tray] == 0 || alike(filaments[user[p.tray]-1], filaments[p.filament])) {
			chosen[p.filament], given[p.filament], user[p.tray] = trays[p.tray], true, p.filament+1
		}
	}
	if i := slices.Index(given, false); i >= 0 {
		f := filaments[i]
		words := fmt.Sprintf("%s needs %s (colour #%.6s, filament %d of the file), and", printer, f.Type, f.Color, f.ID)
		if !slices.ContainsFunc(pairs, func(p pair) bool { return p.filament == i }) {
			return nil, unfilled(told(f, values{"what": grove.FilamentMissing}), "%s no tray has it; load it, or say which tray to take (ams_mapping)", words)
		}
		return nil, unfilled(told(f, values{"what": grove.FilamentTaken}), "%s the trays that have it are taken by other filaments of the plate; load one more, or say which tray to take (ams_mapping)", words)
	}
	return chosen, nil
}

func alike(a, b grove.Filament) bool {
	return strings.EqualFold(a.Type, b.Type) && strings.EqualFold(a.Color, b.Color)
}

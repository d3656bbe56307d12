package queue

import (
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
)

func TestATrayForEachFilament(t *testing.T) {
	t.Parallel()
	tray := func(id, kind, color string) grove.Tray {
		return grove.Tray{ID: id, Type: kind, Color: color, FilamentID: "GFA00"}
	}
	unit := func(id string, trays ...grove.Tray) grove.AMS { return grove.AMS{ID: id, Trays: trays} }
	fil := func(id int, kind, color string) grove.Filament {
		return grove.Filament{ID: id, Type: kind, Color: color, Preset: "GFA00"}
	}
	red, green, black := fil(1, "PLA", "FF0000FF"), fil(2, "PLA", "00FF00FF"), fil(4, "ABS", "000000FF")
	three := unit("0", tray("0", "PLA", "10F010FF"), tray("1", "", ""), tray("2", "pla", "E00000FF"), tray("3", "ABS", "FFFFFFFF"))
	other := tray("0", "PLA", "FF0000FF")
	other.FilamentID = "GFL99"
	whats := map[string]any{
		"not loaded": grove.FilamentMissing, "too few": grove.FilamentTaken, "not told": grove.FilamentUnknown, "unit without sense": grove.FilamentMissing,
		"two nozzles": grove.FilamentTwoNozzles, "no AMS, two filaments": grove.FilamentNoAMS,
	}
	for name, c := range map[string]struct {
		plate []grove.Filament
		ams   []grove.AMS
		model string
		want  []int
		why   string // of a refusal
	}{
		"nearest colours":        {[]grove.Filament{red, green, black}, []grove.AMS{three}, "C12", []int{2, 0, -1, 3}, ""},
		"another unit":           {[]grove.Filament{black}, []grove.AMS{unit("1"), unit("2", tray("1", "ABS", "000000FF"))}, "C12", []int{-1, -1, -1, 9}, ""},
		"an AMS HT":              {[]grove.Filament{red}, []grove.AMS{unit("128", tray("0", "PLA", "FF0000FF"))}, "C12", []int{128}, ""},
		"the A2L's unit":         {[]grove.Filament{red}, []grove.AMS{unit("16", tray("3", "PLA", "FF0000FF"))}, "N9", []int{67}, ""},
		"the same preset first":  {[]grove.Filament{red}, []grove.AMS{unit("0", other, tray("1", "PLA", "FF0000FF"))}, "C12", []int{1}, ""},
		"alike share":            {[]grove.Filament{red, fil(2, "PLA", "ff0000ff")}, []grove.AMS{unit("0", other)}, "C12", []int{0, 0}, ""},
		"not loaded":             {[]grove.Filament{fil(3, "TPU", "112233FF")}, []grove.AMS{three}, "C12", nil, "needs TPU (colour #112233, filament 3 of the file), and no tray has it"},
		"too few":                {[]grove.Filament{red, green}, []grove.AMS{unit("0", other)}, "C12", nil, "taken by other filaments"},
		"not told":               {[]grove.Filament{fil(1, "", "")}, []grove.AMS{three}, "C12", nil, "does not say what its filament 1 is"},
		"colour without sense":   {[]grove.Filament{fil(1, "PLA", "zz")}, []grove.AMS{unit("0", tray("0", "PLA", ""))}, "C12", []int{0}, ""},
		"unit without sense":     {[]grove.Filament{red}, []grove.AMS{unit("x", other), unit("99", other)}, "C12", nil, "no tray has it"},
		"two nozzles":            {[]grove.Filament{red}, []grove.AMS{three}, "O1D", nil, "two nozzles"},
		"no AMS, one filament":   {[]grove.Filament{red}, nil, "C12", nil, ""},
		"no AMS, two filaments":  {[]grove.Filament{red, green}, nil, "C12", nil, "has no AMS, and the plate needs 2"},
		"nothing known of plate": {nil, []grove.AMS{three}, "C12", nil, ""},
	} {
		live := grove.Live{Printer: grove.Printer{Name: "Bench", Model: c.model}, Shadow: grove.Shadow{AMS: c.ams}}
		loaded, err := wish{options: grove.Options{UseAMS: true}, plate: grove.Plate{Filaments: c.plate}}.load(live)
		got := loaded.options
		if c.why != "" {
			if !grove.HasReason(err, "filament_not_loaded") || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: %v", name, err)
			}
			if what := grove.AsError(err).Values["what"]; what != whats[name] {
				t.Errorf("%s: it is %v, want %v", name, what, whats[name])
			}
			continue
		}
		outside := len(c.ams) == 0
		if err != nil || !slices.Equal(got.AMSMapping, c.want) || got.UseAMS == outside {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}
	for _, o := range []grove.Options{{}, {UseAMS: true, AMSMapping: []int{3}}} {
		loaded, err := wish{options: o, plate: grove.Plate{Filaments: []grove.Filament{red}}}.load(grove.Live{})
		got := loaded.options
		if err != nil || got.UseAMS != o.UseAMS || !slices.Equal(got.AMSMapping, o.AMSMapping) {
			t.Errorf("a wish was changed: %+v, %v", got, err)
		}
	}
}

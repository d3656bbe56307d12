package bambu_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/grovecloud/grove/bambu"
)

// plainMerge merges a print object into a state with maps and no thought of
// speed: what Merge must equal.
func plainMerge(state, report map[string]any, full bool) {
	report = plainCopy(report).(map[string]any)
	for _, k := range []string{"command", "msg", "sequence_id"} {
		delete(report, k)
	}
	plainObject(state, report, "", full)
}

func plainObject(old, now map[string]any, path string, full bool) {
	for k, v := range now {
		plainMember(old, k, v, path+"."+k, full)
	}
	if path == ".ams" {
		plainBits(old, now)
	}
}

func plainMember(old map[string]any, k string, v any, path string, full bool) {
	was, isObject := old[k].(map[string]any)
	object, ok := v.(map[string]any)
	if ok {
		if !isObject {
			was = map[string]any{}
			old[k] = was
		}
		plainObject(was, object, path, full)
		return
	}
	list, ok := v.([]any)
	before, isList := old[k].([]any)
	if ok && isList && plainByID(path) && plainIDs(list) {
		old[k] = plainList(before, list, path+"[]", full)
		return
	}
	old[k] = v
}

func plainByID(path string) bool {
	switch path {
	case ".ams.ams", ".ams.ams[].tray", ".vir_slot", ".device.extruder.info", ".device.nozzle.info":
		return true
	}
	return false
}

func plainID(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	switch id := m["id"].(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

func plainIDs(list []any) bool {
	for _, v := range list {
		if plainID(v) == "" {
			return false
		}
	}
	return true
}

func plainList(before, now []any, path string, full bool) []any {
	for _, v := range now {
		object := v.(map[string]any)
		i := plainFind(before, plainID(v))
		if i < 0 {
			before = append(before, v)
			continue
		}
		was := before[i].(map[string]any)
		if path == ".ams.ams[].tray[]" {
			if plainEmpty(object) {
				before[i] = object
				continue
			}
			if !full {
				plainKeepTag(was, object)
			}
		}
		plainObject(was, object, path, full)
	}
	if !full {
		return before
	}
	kept := []any{}
	for _, v := range before {
		if plainFind(now, plainID(v)) >= 0 {
			kept = append(kept, v)
		}
	}
	return kept
}

func plainFind(list []any, id string) int {
	for i, v := range list {
		if plainID(v) == id && id != "" {
			return i
		}
	}
	return -1
}

func plainEmpty(tray map[string]any) bool {
	state, ok := tray["state"]
	if !ok {
		return len(tray) == 1
	}
	s := fmt.Sprint(state)
	return len(tray) == 2 && (s == "0" || s == "8" || s == "9")
}

func plainKeepTag(was, now map[string]any) {
	for _, k := range []string{"tray_info_idx", "tray_type", "tray_sub_brands", "tray_color", "tray_id_name"} {
		if v, ok := now[k]; ok && !cmp.Equal(v, was[k]) {
			return
		}
	}
	for _, k := range []string{"tag_uid", "tray_uuid"} {
		known, _ := was[k].(string)
		sent, isText := now[k].(string)
		if isText && strings.Trim(sent, "0") == "" && strings.Trim(known, "0") != "" {
			delete(now, k)
		}
	}
}

func plainBits(ams, now map[string]any) {
	units, ok := ams["ams"].([]any)
	if !ok {
		return
	}
	bit := func(name string, n int) bool {
		text, _ := now[name].(string)
		bits, err := strconv.ParseUint(text, 16, 64)
		return err != nil || n < 0 || bits&(1<<n) != 0
	}
	listed, _ := now["ams"].([]any)
	kept := []any{}
	for _, u := range units {
		unit, err := strconv.Atoi(plainID(u))
		unitBit := -1
		switch {
		case err != nil:
			unit = -1
		case unit <= 3:
			unitBit = unit
		case unit >= 128 && unit <= 135:
			unitBit = unit - 124
		}
		if !bit("ams_exist_bits", unitBit) && plainFind(listed, plainID(u)) < 0 {
			continue
		}
		kept = append(kept, u)
		object, _ := u.(map[string]any)
		trays, _ := object["tray"].([]any)
		for i, v := range trays {
			slot, err := strconv.Atoi(plainID(v))
			trayBit := -1
			switch {
			case err != nil || slot < 0 || slot > 3:
			case unit >= 0 && unit <= 3:
				trayBit = unit*4 + slot
			case unit == 16:
				trayBit = 24 + slot
			case unit >= 128 && unit <= 135 && slot == 0:
				trayBit = unit - 112
			}
			if bit("tray_exist_bits", trayBit) {
				continue
			}
			left := map[string]any{"id": v.(map[string]any)["id"]}
			if state, ok := v.(map[string]any)["state"]; ok {
				left["state"] = state
			}
			trays[i] = left
		}
	}
	ams["ams"] = kept
}

func plainCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = plainCopy(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = plainCopy(e)
		}
		return l
	}
	return v
}

// The generators below make reports with the names and ids that the rules are
// about, so that they meet often.

func someValue(depth int) *rapid.Generator[any] {
	scalars := rapid.SampledFrom([]any{
		nil, true, false, "", "text", "0", "a\"b\\c", "ü\u2028", "000", json.Number("0"), json.Number("-1"), json.Number("9007199254740993"),
		json.Number("0.4000000059604645"), json.Number("1e5"), json.Number("12345678901234567890123"),
	})
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(
		scalars,
		rapid.Map(rapid.SliceOfN(someValue(depth-1), 0, 3), func(l []any) any { return append([]any{}, l...) }),
		rapid.Map(rapid.MapOfN(someName(), someValue(depth-1), 0, 3), func(m map[string]any) any { return m }),
	)
}

func someName() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "b", "c", "id", "ams", "tray", "info", "state", "tab\there", "quo\"te", "ü", ""})
}

// object makes an object of some of the given members.
func object(members map[string]*rapid.Generator[any]) *rapid.Generator[any] {
	names := slices.Sorted(maps.Keys(members))
	return rapid.Custom(func(t *rapid.T) any {
		m := map[string]any{}
		for _, name := range names {
			if rapid.IntRange(0, 3).Draw(t, name+"?") > 0 {
				m[name] = members[name].Draw(t, name)
			}
		}
		return m
	})
}

func oneOf(values ...any) *rapid.Generator[any] { return rapid.SampledFrom(values) }

// list makes a list of objects with ids, and now and then something else.
func list(ids []any, members map[string]*rapid.Generator[any]) *rapid.Generator[any] {
	element := rapid.Custom(func(t *rapid.T) any {
		m := object(members).Draw(t, "element").(map[string]any)
		m["id"] = rapid.SampledFrom(ids).Draw(t, "id")
		return m
	})
	good := rapid.Map(rapid.SliceOfNDistinct(element, 1, 3, plainID), func(l []any) any { return append([]any{}, l...) })
	return rapid.OneOf(good, good, good, good, good, good, someValue(2))
}

func reports() *rapid.Generator[any] {
	number, text := someValue(0), someValue(0)
	spool := map[string]*rapid.Generator[any]{
		"state": oneOf(json.Number("8"), json.Number("9"), json.Number("10"), json.Number("11"), "9"), "tray_type": oneOf("PLA", "ABS", ""),
		"tray_color": oneOf("FF0000FF", "00FF00FF"), "tag_uid": oneOf("A1B2", "0000", ""), "tray_uuid": oneOf("C3D4", "0000"), "remain": number, "cols": someValue(2),
	}
	units := list([]any{"0", "1", "16", "128", json.Number("0")}, map[string]*rapid.Generator[any]{
		"humidity": text, "tray": list([]any{"0", "1", json.Number("1"), "7"}, spool),
	})
	tools := list([]any{json.Number("0"), json.Number("1"), "1"}, map[string]*rapid.Generator[any]{"temp": number, "snow": number})
	// Few ids and few members: the reports in which one tray meets itself again.
	tray := rapid.Custom(func(t *rapid.T) any {
		var m map[string]any
		if rapid.IntRange(0, 2).Draw(t, "detailed") > 0 {
			m = object(spool).Draw(t, "spool").(map[string]any)
		} else {
			m = object(map[string]*rapid.Generator[any]{"state": spool["state"]}).Draw(t, "empty").(map[string]any)
		}
		m["id"] = "0"
		return m
	})
	ams := rapid.Custom(func(t *rapid.T) any {
		id := rapid.SampledFrom([]any{"0", "128"}).Draw(t, "unit")
		m := map[string]any{"ams": []any{map[string]any{"id": id, "tray": []any{tray.Draw(t, "tray")}}}}
		if rapid.IntRange(0, 2).Draw(t, "tells bits") == 0 {
			m["tray_exist_bits"] = rapid.SampledFrom([]any{"0", "1", "10000", "10001"}).Draw(t, "bits")
		}
		return m
	})
	return rapid.OneOf(object(map[string]*rapid.Generator[any]{
		"ams": ams, "msg": oneOf(json.Number("0"), json.Number("1"), json.Number("1")), "command": oneOf("push_status"),
	}), object(map[string]*rapid.Generator[any]{
		"ams": rapid.OneOf(object(map[string]*rapid.Generator[any]{
			"ams": units, "ams_exist_bits": oneOf("0", "1", "3", "13", "", "zz", nil), "tray_exist_bits": oneOf("0", "1", "33", "10003", "2010033", "ffffffffffffffff", ""), "version": number,
		}), someValue(1)),
		"vir_slot":  list([]any{"254", "255"}, spool),
		"device":    object(map[string]*rapid.Generator[any]{"extruder": object(map[string]*rapid.Generator[any]{"state": number, "info": tools}), "nozzle": object(map[string]*rapid.Generator[any]{"info": tools})}),
		"hms":       someValue(2),
		"vt_tray":   object(spool),
		"msg":       oneOf(json.Number("0"), json.Number("1"), json.Number("1"), json.Number("1")),
		"unknown":   someValue(3),
		"new\nname": someValue(1),
		"command":   oneOf("push_status"),
	}))
}

func TestMergeEqualsThePlainOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, want := bambu.NewState(), map[string]any{}
		for _, report := range rapid.SliceOfN(reports(), 4, 12).Draw(t, "reports") {
			payload, err := json.Marshal(map[string]any{"print": report})
			if err != nil {
				t.Fatal(err)
			}
			r, err := got.Merge(payload)
			if err != nil || !r.Merged {
				t.Fatalf("%s: %+v, %v", payload, r, err)
			}
			plainMerge(want, report.(map[string]any), r.Full)
			if diff := cmp.Diff(want, plainDecode(t, got.JSON()), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("after %s (-want +got):\n%s", payload, diff)
			}
		}
		again, err := bambu.LoadState(got.JSON())
		if err != nil || string(again.JSON()) != string(got.JSON()) {
			t.Fatalf("stored %s, loaded %s (%v)", got.JSON(), again.JSON(), err)
		}
		_ = got.Shadow() // whatever the types are
	})
}

func TestMergingAReportTwiceIsMergingItOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := bambu.NewState()
		for _, report := range rapid.SliceOfN(reports(), 1, 4).Draw(t, "reports") {
			payload, err := json.Marshal(map[string]any{"print": report})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := s.Merge(payload); err != nil {
					t.Fatal(err)
				}
			}
			once := string(s.JSON())
			if _, err := s.Merge(payload); err != nil || string(s.JSON()) != once {
				t.Fatalf("%s: %s became %s", payload, once, s.JSON())
			}
		}
	})
}

func plainDecode(t *rapid.T, b []byte) map[string]any {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return m
}

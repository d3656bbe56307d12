package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountSetting(rt *rest.Router) {
	const at = iotService + "/slicer/setting"
	list := get(at, tagSlicer, "My presets, by type")
	list.About = "`version` is asked for as the vendor's cloud does: without one the answer is 400 in plain text, with one that is not four numbers 422. It does not narrow the list."
	rest.Handle(rt, list, f.settings)
	create := post(at, tagSlicer, "Keep a preset")
	create.About = "A person may keep 100 presets of each type; one more is 403 with code 14."
	rest.Handle(rt, create, f.createSetting)
	one := get(at+"/{id}", tagSlicer, "One of my presets, with all that it sets")
	one.About = "A preset that is not there is 400, never 404, which clients take for a fault."
	rest.Handle(rt, one, f.setting)
	rest.Handle(rt, op(http.MethodPatch, at+"/{id}", tagSlicer, "Change a preset; 422 when it is not there"), f.changeSetting)
	rest.Handle(rt, op(http.MethodDelete, at+"/{id}", tagSlicer, "Delete a preset, or make sure that it is gone"), f.deleteSetting)
}

// ByPreset is a path that ends in a preset's id.
type ByPreset struct {
	ID string `path:"id" maxLength:"64"`
}

// bundle holds a slicer's version to its form, in the vendor's words.
func bundle(version string) error {
	if version == "" {
		return rest.InWords(grove.Errorf(grove.Invalid, "missing_field", `field "version" is not set`))
	}
	return unprocessable(library.CheckVersion(version), library.ReasonPresetVersion)
}

// unprocessable answers an error of this reason with 422, as the vendor does.
func unprocessable(err error, reason string) error {
	if !grove.HasReason(err, reason) {
		return err
	}
	return &grove.Error{Code: grove.Invalid, Reason: cloudapi.ReasonBadParameters, Message: grove.AsError(err).Message, Err: err}
}

func (f *face) settings(ctx context.Context, in *struct {
	Version string `query:"version" doc:"Of the slicer's bundle, such as 02.06.00.00."`
	Public  string `query:"public" doc:"Tolerated: there are no public presets."`
},
) (cloudapi.Settings, error) {
	out := cloudapi.Settings{
		Envelope: cloudapi.Success(), Print: noSettings(), Printer: noSettings(), Filament: noSettings(), Settings: map[string]string{},
	}
	if err := bundle(in.Version); err != nil {
		return out, err
	}
	list, err := f.Library.Presets(ctx, rest.Actor(ctx))
	for i := range list {
		into := &out.Filament
		switch list[i].Type {
		case grove.PrintPreset:
			into = &out.Print
		case grove.PrinterPreset:
			into = &out.Printer
		case grove.FilamentPreset:
		}
		into.Private = append(into.Private, settingItem(&list[i]))
	}
	return out, err
}

func noSettings() cloudapi.SettingLists {
	return cloudapi.SettingLists{Public: []cloudapi.SettingItem{}, Private: []cloudapi.SettingItem{}}
}

// settingItem is a preset in a list. What is said of its filament is read from
// the setting.
func settingItem(p *grove.Preset) cloudapi.SettingItem {
	at := cloudapi.FormatTime(p.UpdatedAt)
	return cloudapi.SettingItem{
		SettingID: p.ID, UserID: decimal(p.OwnerID), Version: p.Version, Name: p.Name, Nickname: p.Nickname,
		UpdateTime: at, UpdatedTime: at, BaseID: p.BaseID, Inherits: p.Value("inherits"),
		FilamentID: p.Value("filament_id"), FilamentVendor: p.Value("filament_vendor"), FilamentType: p.Value("filament_type"),
		FilamentIsSupport: flag(p.Value("filament_is_support")), NozzleHRC: whole(p.Value("required_nozzle_HRC")),
		NozzleTemperature: [2]int{
			whole(firstText(p.Value("nozzle_temperature_range_low"), p.Value("nozzle_temperature"))),
			whole(firstText(p.Value("nozzle_temperature_range_high"), p.Value("nozzle_temperature"))),
		},
	}
}

func flag(text string) bool { return text == "1" || text == "true" }

// whole is the number that a text begins with; 0 when it begins with none. Slicers
// write the numbers of several extruders with commas between.
func whole(text string) int {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0
	}
	return n
}

func (f *face) setting(ctx context.Context, in *ByPreset) (cloudapi.SettingDetail, error) {
	p, err := f.Library.Preset(ctx, rest.Actor(ctx), in.ID)
	if errors.Is(err, grove.NotFound) {
		err = &grove.Error{Code: grove.Invalid, Reason: library.ReasonPresetNotFound, Message: grove.AsError(err).Message, Err: err}
	}
	return cloudapi.SettingDetail{
		Envelope: cloudapi.Success(), SettingID: p.ID, UserID: decimal(p.OwnerID), Version: p.Version, Type: string(p.Type),
		Name: p.Name, Nickname: p.Nickname, BaseID: p.BaseID, FilamentID: p.Value("filament_id"),
		UpdateTime: cloudapi.FormatTime(p.UpdatedAt), Setting: p.Setting,
	}, err
}

type settingInput struct {
	Body cloudapi.SettingRequest
}

// wishOf is what a request asks to keep.
func wishOf(b *cloudapi.SettingRequest) (library.PresetWish, error) {
	if b.Public {
		return library.PresetWish{}, grove.Errorf(grove.Invalid, library.ReasonPresetPublic,
			"presets here are private to their account; send public as false or leave it out")
	}
	if b.FilamentID != "" && b.Setting != nil && b.Setting["filament_id"] == nil {
		id, err := json.Marshal(b.FilamentID)
		if err != nil {
			return library.PresetWish{}, err
		}
		b.Setting["filament_id"] = id
	}
	return library.PresetWish{
		Type: grove.PresetType(b.Type), Name: b.Name, Nickname: b.Nickname, Version: b.Version, BaseID: b.BaseID, Setting: b.Setting,
	}, nil
}

func saved(p *grove.Preset) cloudapi.SettingSaved {
	return cloudapi.SettingSaved{Envelope: cloudapi.Success(), SettingID: p.ID, UpdateTime: cloudapi.FormatTime(p.UpdatedAt)}
}

func (f *face) createSetting(ctx context.Context, in *settingInput) (cloudapi.SettingSaved, error) {
	if err := bundle(in.Body.Version); err != nil {
		return cloudapi.SettingSaved{}, err
	}
	if err := rest.Need("name", in.Body.Name, "type", in.Body.Type); err != nil {
		return cloudapi.SettingSaved{}, err
	}
	wish, err := wishOf(&in.Body)
	if err != nil {
		return cloudapi.SettingSaved{}, err
	}
	p, err := f.Library.CreatePreset(ctx, rest.Actor(ctx), wish)
	return saved(&p), err
}

func (f *face) changeSetting(ctx context.Context, in *struct {
	ByPreset
	Body cloudapi.SettingRequest
},
) (cloudapi.SettingSaved, error) {
	wish, err := wishOf(&in.Body)
	if err != nil {
		return cloudapi.SettingSaved{}, err
	}
	p, err := f.Library.ChangePreset(ctx, rest.Actor(ctx), in.ID, wish)
	err = unprocessable(unprocessable(err, library.ReasonPresetNotFound), library.ReasonPresetVersion)
	return saved(&p), err
}

func (f *face) deleteSetting(ctx context.Context, in *ByPreset) (cloudapi.Envelope, error) {
	return cloudapi.Success(), f.Library.DeletePreset(ctx, rest.Actor(ctx), in.ID)
}

package cloud

import (
	"context"
	"net/http"
	"slices"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountFilament(rt *rest.Router) {
	const at = designService + "/my/filament/v2"
	rest.Handle(rt, get(designService+"/filament/config", tagSlicer, "Filaments to choose from: common ones, and my presets"), f.filamentConfig)
	rest.Handle(rt, get(at, tagSlicer, "My spools, newest first; all of them unless a limit is given"), f.filaments)
	add := post(at, tagSlicer, "Keep count of one more spool")
	add.About = "A spool with an RFID that is known already is that spool, told anew."
	rest.Handle(rt, add, f.addFilament)
	rest.Handle(rt, op(http.MethodPut, at, tagSlicer, "Change a spool; 404 when it is not there"), f.changeFilament)
	rest.Handle(rt, op(http.MethodDelete, at+"/batch", tagSlicer, "Forget spools"), f.removeFilaments)
	rest.Handle(rt, post(at+"/ams/sync", tagSlicer, "Tell what a printer's filament units hold"), f.syncAMS)
	rest.Handle(rt, post(at+"/slot-mappings/sync", tagSlicer, "Tell which spool is in which slot"), f.syncSlots)
}

// common are the filaments of no particular vendor, with the ids that printers and
// slicers know them by (BambuStudio).
func common() []cloudapi.FilamentSetting {
	var out []cloudapi.FilamentSetting
	for _, kind := range [][2]string{
		{"PLA", "GFL99"},
		{"PETG", "GFG99"},
		{"ABS", "GFB99"},
		{"ASA", "GFB98"},
		{"TPU", "GFU99"},
		{"PC", "GFC99"},
		{"PA", "GFN99"},
		{"PA-CF", "GFN98"},
		{"PLA-CF", "GFL98"},
		{"PVA", "GFS99"},
	} {
		out = append(out, cloudapi.FilamentSetting{
			Vendor: "Generic", Type: kind[0], Name: "Generic " + kind[0], FilamentID: kind[1], Support: kind[0] == "PVA",
		})
	}
	return out
}

func (f *face) filamentConfig(ctx context.Context, _ *struct{}) (cloudapi.FilamentConfig, error) {
	out := cloudapi.FilamentConfig{Categories: []string{}, FilamentSettings: common()}
	presets, err := f.Library.Presets(ctx, rest.Actor(ctx))
	for i := range presets {
		if p := &presets[i]; p.Type == grove.FilamentPreset && p.Value("filament_id") != "" {
			item := settingItem(p)
			out.FilamentSettings = append(out.FilamentSettings, cloudapi.FilamentSetting{
				Vendor: item.FilamentVendor, Type: item.FilamentType, Name: p.Name, FilamentID: item.FilamentID, Support: item.FilamentIsSupport,
			})
		}
	}
	for _, s := range out.FilamentSettings {
		if s.Type != "" && !slices.Contains(out.Categories, s.Type) {
			out.Categories = append(out.Categories, s.Type)
		}
	}
	return out, err
}

func (f *face) filaments(ctx context.Context, in *struct {
	Offset   int      `query:"offset" minimum:"0" maximum:"100000000" doc:"How many to leave out at the front."`
	Limit    int      `query:"limit" minimum:"0" maximum:"1000000" doc:"How many; all of them unless said."`
	Category string   `query:"category"`
	Status   string   `query:"status" enum:"0,1," doc:"0 in use, 1 used up."`
	IDs      []int64  `query:"ids"`
	RFIDs    []string `query:"RFIDs"`
},
) (cloudapi.Filaments, error) {
	q := library.SpoolQuery{Category: in.Category, IDs: in.IDs, RFIDs: in.RFIDs}
	if in.Status != "" {
		status := whole(in.Status)
		q.Status = &status
	}
	list, err := f.Library.Spools(ctx, rest.Actor(ctx), q, grove.Page{Offset: in.Offset, Limit: in.Limit})
	out := cloudapi.Filaments{Total: list.Total, Hits: []cloudapi.FilamentItem{}}
	for i := range list.Items {
		out.Hits = append(out.Hits, filamentItem(&list.Items[i]))
	}
	return out, err
}

func filamentItem(s *grove.Spool) cloudapi.FilamentItem {
	item := cloudapi.FilamentItem{
		ID: s.ID, CreateType: cloudapi.Scalar(s.CreateType).Value(), Vendor: s.Vendor, Type: s.Type, Name: s.Name, FilamentID: s.FilamentID,
		RFID: s.RFID, Color: s.Color, ColorType: s.ColorType, Colors: cloudapi.Items(s.Colors), NetWeight: s.NetGrams,
		TotalNetWeight: s.TotalGrams, Note: s.Note, CreatedAt: s.CreatedAt.Unix(), UpdatedAt: s.UpdatedAt.Unix(), Status: s.Status,
		Support: s.Support, TrayIDName: s.TrayIDName, Category: s.Category, SlotID: "", DeviceID: s.Place.Serial,
		InPrinter: s.Place.Serial != "", Depleted: s.Status == 1,
	}
	if item.InPrinter {
		item.AMSID, item.SlotID = s.Place.Unit, s.Place.Slot
	}
	return item
}

// onto writes what a request says into a spool.
func onto(b *cloudapi.FilamentRequest, s *grove.Spool) {
	for into, value := range map[*string]*string{
		&s.Vendor: b.Vendor, &s.Type: b.Type, &s.Name: b.Name, &s.FilamentID: b.FilamentID, &s.RFID: b.RFID, &s.Color: b.Color,
		&s.Note: b.Note, &s.TrayIDName: b.TrayIDName, &s.Category: b.Category,
	} {
		take(into, value)
	}
	take(&s.NetGrams, b.NetWeight)
	take(&s.TotalGrams, b.TotalNetWeight)
	take(&s.Colors, b.Colors)
	take(&s.Support, b.Support)
	if b.CreateType != nil {
		s.CreateType = string(*b.CreateType)
	}
	if b.ColorType != nil {
		s.ColorType = int(*b.ColorType)
	}
	if b.Status != nil {
		s.Status = int(*b.Status)
	}
}

// take takes over a value that was sent.
func take[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}

type filamentInput struct {
	Body cloudapi.FilamentRequest
}

func (f *face) addFilament(ctx context.Context, in *filamentInput) (cloudapi.Done, error) {
	var s grove.Spool
	onto(&in.Body, &s)
	if err := rest.Need("filamentName", s.Name); err != nil {
		return cloudapi.Done{}, err
	}
	_, err := f.Library.AddSpool(ctx, rest.Actor(ctx), s)
	return cloudapi.Done{}, err
}

func (f *face) changeFilament(ctx context.Context, in *filamentInput) (cloudapi.FilamentChanged, error) {
	s, err := f.Library.ChangeSpool(ctx, rest.Actor(ctx), int64(in.Body.ID), func(s *grove.Spool) { onto(&in.Body, s) })
	return cloudapi.FilamentChanged{FilamentV2: filamentItem(&s)}, err
}

func (f *face) removeFilaments(ctx context.Context, in *struct {
	Body cloudapi.FilamentBatch
},
) (cloudapi.Done, error) {
	var ids []int64
	for _, id := range in.Body.IDs {
		ids = append(ids, int64(id))
	}
	return cloudapi.Done{}, f.Library.RemoveSpools(ctx, rest.Actor(ctx), ids, in.Body.RFIDs)
}

func placeOf(serial string, s *cloudapi.AMSSlot) grove.Place {
	return grove.Place{Serial: serial, UnitSerial: s.AMSSerial, Unit: int(s.AMSID), Slot: int(s.SlotID)}
}

func (f *face) syncAMS(ctx context.Context, in *struct {
	Body cloudapi.AMSSync
},
) (cloudapi.AMSSynced, error) {
	if err := rest.Need("devId", in.Body.DeviceID); err != nil {
		return cloudapi.AMSSynced{}, err
	}
	if _, err := f.Fleet.Live(ctx, rest.Actor(ctx), in.Body.DeviceID); err != nil {
		return cloudapi.AMSSynced{}, err
	}
	var slots []library.Slot
	for i := range in.Body.Items {
		item := &in.Body.Items[i]
		slot := library.Slot{Place: placeOf(in.Body.DeviceID, &item.AMSSlot)}
		onto(&item.FilamentRequest, &slot.Spool)
		slots = append(slots, slot)
	}
	spools, created, err := f.Library.SyncSlots(ctx, rest.Actor(ctx), slots)
	out := cloudapi.AMSSynced{CreatedRFIDs: created, Results: []cloudapi.AMSResult{}}
	for i, id := range spools {
		out.Results = append(out.Results, cloudapi.AMSResult{AMSSerial: slots[i].Place.UnitSerial, SlotID: slots[i].Place.Slot, SpoolID: id})
	}
	return out, err
}

func (f *face) syncSlots(ctx context.Context, in *struct {
	Body cloudapi.SlotSync
},
) (cloudapi.SlotsSynced, error) {
	if err := rest.Need("devId", in.Body.DeviceID); err != nil {
		return cloudapi.SlotsSynced{}, err
	}
	if _, err := f.Fleet.Live(ctx, rest.Actor(ctx), in.Body.DeviceID); err != nil {
		return cloudapi.SlotsSynced{}, err
	}
	var slots []library.Slot
	for i := range in.Body.Mappings {
		m := &in.Body.Mappings[i]
		slots = append(slots, library.Slot{
			Place: placeOf(in.Body.DeviceID, &m.AMSSlot), SpoolID: int64(m.SpoolID), Spool: grove.Spool{RFID: m.RFID},
		})
	}
	known, err := f.Library.MapSlots(ctx, rest.Actor(ctx), slots)
	out := cloudapi.SlotsSynced{Results: []cloudapi.SlotResult{}}
	for i, ok := range known {
		r := cloudapi.SlotResult{AMSSerial: slots[i].Place.UnitSerial, SlotID: slots[i].Place.Slot}
		if !ok {
			r.Code = cloudapi.CodeNotFound
		}
		out.Results = append(out.Results, r)
	}
	return out, err
}

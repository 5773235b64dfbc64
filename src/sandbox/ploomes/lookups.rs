//! The small fixed tables: an id, a name, and here and there a member more.

use super::row::{draw, id, ids};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};

/// All of them.
pub(super) static SETS: [&Set; 15] = [
    &ORDER_STAGES,
    &PROFILES,
    &SUSPENSIONS,
    &REMINDERS,
    &TASK_TYPES,
    &INTERVALS,
    &APPROVALS,
    &DEPARTMENTS,
    &TYPES,
    &STATUS,
    &RELATIONSHIPS,
    &LINES,
    &ORIGINS,
    &CLASSES,
    &ROLES,
];

pub(super) static ORDER_STAGES: Set = Set {
    table: "ploomes.orders_stages",
    path: "Orders@Stages",
    rows: |_| 5,
    id: ids("ploomes.orders_stages", 3_100, 3),
    time: None,
    names: &["Pedido recebido", "Em separação", "Faturado", "Entregue", "Cancelado"],
    write: stage,
};

pub(super) static PROFILES: Set = Set {
    table: "ploomes.users_profiles",
    path: "Users@Profiles",
    rows: |_| 3,
    id: ids("ploomes.users_profiles", 1, 1),
    time: None,
    names: &["Administrador", "Gerente", "Vendedor"],
    write: profile,
};

pub(super) static SUSPENSIONS: Set = Set {
    table: "ploomes.users_suspension_reasons",
    path: "Users@SuspensionReasons",
    rows: |_| 3,
    id: ids("ploomes.users_suspension_reasons", 1, 1),
    time: None,
    names: &["Desligamento", "Férias", "Inadimplência"],
    write: plain,
};

pub(super) static REMINDERS: Set = Set {
    table: "ploomes.tasks_email_reminders",
    path: "Tasks@EmailReminders",
    rows: |_| 4,
    id: ids("ploomes.tasks_email_reminders", 1, 1),
    time: None,
    names: &["15 minutos antes", "1 hora antes", "1 dia antes", "Na hora"],
    write: plain,
};

pub(super) static TASK_TYPES: Set = Set {
    table: "ploomes.tasks_types",
    path: "Tasks@Types",
    rows: |_| 6,
    id: ids("ploomes.tasks_types", 1, 1),
    time: None,
    names: &["Ligação", "E-mail", "Reunião", "Visita", "Almoço", "WhatsApp"],
    write: task_type,
};

pub(super) static INTERVALS: Set = Set {
    table: "ploomes.tasks_repeat_intervals",
    path: "Tasks@RepeatIntervalUnits",
    rows: |_| 4,
    id: ids("ploomes.tasks_repeat_intervals", 1, 1),
    time: None,
    names: &["Dia", "Semana", "Mês", "Ano"],
    write: interval,
};

pub(super) static APPROVALS: Set = Set {
    table: "ploomes.quotes_approval_status",
    path: "Quotes@ApprovalStatus",
    rows: |_| 4,
    id: ids("ploomes.quotes_approval_status", 1, 1),
    time: None,
    names: &["Em elaboração", "Aguardando aprovação", "Aprovada", "Rejeitada"],
    write: plain,
};

pub(super) static DEPARTMENTS: Set = Set {
    table: "ploomes.departments",
    path: "Departments",
    rows: |_| 5,
    id: ids("ploomes.departments", 2_010, 3),
    time: None,
    names: &["Comercial", "Compras", "Financeiro", "Diretoria", "Tecnologia da Informação"],
    write: plain,
};

pub(super) static TYPES: Set = Set {
    table: "ploomes.contacts_types",
    path: "Contacts@Types",
    rows: |_| 2,
    id: ids("ploomes.contacts_types", 1, 1),
    time: None,
    names: &["Empresa", "Pessoa"],
    write: plain,
};

pub(super) static STATUS: Set = Set {
    table: "ploomes.contacts_status",
    path: "Contacts@Status",
    rows: |_| 4,
    id: ids("ploomes.contacts_status", 4_010, 3),
    time: None,
    names: &["Prospect", "Cliente ativo", "Cliente inativo", "Descartado"],
    write: status,
};

pub(super) static RELATIONSHIPS: Set = Set {
    table: "ploomes.contacts_relationships",
    path: "Contacts@Relationships",
    rows: |_| 3,
    id: ids("ploomes.contacts_relationships", 4_110, 3),
    time: None,
    names: &["Cliente", "Fornecedor", "Parceiro"],
    write: plain,
};

pub(super) static LINES: Set = Set {
    table: "ploomes.contacts_lines_of_business",
    path: "Contacts@LinesOfBusiness",
    rows: |_| 8,
    id: ids("ploomes.contacts_lines_of_business", 4_210, 3),
    time: None,
    names: &[
        "Agronegócio",
        "Alimentação",
        "Construção",
        "Educação",
        "Indústria",
        "Saúde",
        "Serviços",
        "Varejo",
    ],
    write: plain,
};

pub(super) static ORIGINS: Set = Set {
    table: "ploomes.contacts_origins",
    path: "Contacts@Origins",
    rows: |_| 6,
    id: ids("ploomes.contacts_origins", 4_310, 3),
    time: None,
    names: &["Indicação", "Site", "Feira", "Google Ads", "Prospecção ativa", "Redes sociais"],
    write: plain,
};

pub(super) static CLASSES: Set = Set {
    table: "ploomes.contacts_classes",
    path: "Contacts@Classes",
    rows: |_| 3,
    id: ids("ploomes.contacts_classes", 4_410, 3),
    time: None,
    names: &["A", "B", "C"],
    write: plain,
};

pub(super) static ROLES: Set = Set {
    table: "ploomes.roles",
    path: "Roles",
    rows: |_| 7,
    id: ids("ploomes.roles", 2_110, 3),
    time: None,
    names: &[
        "Sócio",
        "Diretora",
        "Gerente de compras",
        "Analista",
        "Secretária",
        "Engenheiro",
        "Estagiário",
    ],
    write: plain,
};

/// A row of nothing but id and name.
pub(super) fn plain(rows: &Rows, row: u64, o: &mut Object) {
    id(rows, row, o);
    o.set("Name", rows.set.name(row));
}

fn stage(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    plain(rows, row, o);
    o.set(
        "Icon",
        d.maybe(80, |d| format!("fa-{}", d.pick(&["box", "truck", "check", "file"]))),
    )
    .set("Ordination", row);
}

fn profile(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    plain(rows, row, o);
    for permission in [
        "ContactsView",
        "ContactsEdit",
        "DealsView",
        "DealsEdit",
        "QuotesApprove",
        "UsersView",
        "Export",
    ] {
        o.set(permission, d.chance(70));
    }
}

fn task_type(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    plain(rows, row, o);
    o.set(
        "Icon",
        d.maybe(80, |d| format!("fa-{}", d.pick(&["phone", "envelope", "users", "coffee"]))),
    )
    .set("Color", d.maybe(80, |d| format!("#{}", d.hex(6))));
}

fn interval(rows: &Rows, row: u64, o: &mut Object) {
    plain(rows, row, o);
    let part = ["day", "week", "month", "year"][usize::try_from(row % 4).unwrap_or(0)];
    o.set("Datepart", part).set("DatepartLength", 1 + row / 4);
}

fn status(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    plain(rows, row, o);
    o.set("Label", rows.set.name(row))
        .set("Color", format!("#{}", d.hex(6)))
        .set("Discarded", row == 3)
        .set("Prospect", row == 0)
        .null("ImageName");
}

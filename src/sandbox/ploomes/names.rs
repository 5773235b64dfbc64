//! What the users of the account called their custom fields. The first four are those of a small account; the others are what makes
//! column names hard: names that come twice, that differ in accents or case only, that are a documented column's or a folder's, that
//! become what another field's column is called, that have no letter at all, begin with a digit, or are longer than any column may be.

use super::kinds::FieldKind::{
    self, Attachment, BigString, Bool, Contact, DateTime, Decimal, Integer, Money, Option, Options, Product, String, User, Users,
};

/// Name and type of the fields of every entity, in the order they were made.
#[rustfmt::skip]
pub(super) static LISTED: [(&str, FieldKind); 62] = [
    ("Apelido", String), ("Data de aniversário", DateTime), ("Região", Option), ("Canais", Options),
    ("Observações internas", BigString), ("Nº de funcionários", Integer), ("% de comissão", Decimal), ("Valor do frete (R$)", Money),
    ("Aceita contato por WhatsApp? 📱", Bool), ("Responsável técnico", User), ("Equipe de implantação", Users),
    ("Indicado por", Contact), ("Produto de interesse", Product), ("Contrato assinado", Attachment),
    // Documented columns, and what the program itself adds.
    ("Title", String), ("E-mail", String), ("id", Integer), ("_exported_at", DateTime), ("Date year", Integer),
    // The same name again, and names that become what another's columns are called.
    ("Região", Option), ("Região id", String), ("Região val", Integer), ("Canais", Options), ("Canais 2", String), ("canais", BigString),
    ("Responsável técnico name", String), ("Responsavel Técnico", User),
    // Nothing to make a name of.
    ("!!!", String), ("🚀", Bool), ("???", Decimal), ("日本語", String),
    // Digits first; far too long, twice, with the same beginning.
    ("2ª via do boleto", DateTime), ("1º contato", Contact), ("13", Integer),
    ("Descreva com o máximo de detalhes possível a necessidade do cliente e o prazo que ele espera para a implantação", BigString),
    ("Descreva com o máximo de detalhes possível a necessidade do cliente e o prazo de que o financeiro dispõe", BigString),
    ("Descreva com o máximo de detalhes possível a necessidade do cliente e a opção escolhida", Option),
    // White space, punctuation, quotes, letters that are not the alphabet's.
    ("  Última   visita  ", DateTime), ("Última visita?", Bool), ("D'Ávila \"especial\"; -- x", String), ("CPF/CNPJ do sócio", String),
    ("Ação\tcorretiva", BigString), ("AÇÃO CORRETIVA", Option), ("Straße & Größe", String), ("Œuvre nº ½", Decimal), ("select", Integer),
    ("Concorrentes", Options), ("Faturamento anual", Money), ("Margem", Decimal), ("Saldo devedor", Money), ("Ramal", Integer),
    ("Cliente estratégico", Bool), ("Gerente da conta", User), ("Aprovadores", Users), ("Parceiro", Contact), ("Plano contratado", Product),
    ("Anexo do pedido", Attachment), ("Motivo da perda (detalhe)", Option), ("Próximo reajuste", DateTime), ("Meta do trimestre", Decimal),
    ("Segmentos atendidos", Options), ("Código no ERP", String),
];

/// What the options of a list are called. One has a comma, which joined values cannot tell from two.
pub(super) static OPTIONS: [&str; 6] = [
    "Sul",
    "Norte e Nordeste",
    "São Paulo, capital",
    "Centro-Oeste",
    "🔥 Prioritário",
    "Não se aplica",
];

/// Fields that the vendor gives every account, some of them: entity, end of the key, name, member of the record, type.
#[rustfmt::skip]
pub(super) static NATIVE: [(u64, &str, &str, &str, FieldKind); 12] = [
    (1, "name", "Nome", "Name", String), (1, "email", "E-mail", "Email", String), (1, "city", "Cidade", "CityId", Integer),
    (2, "title", "Título", "Title", String), (2, "amount", "Valor", "Amount", Money), (2, "owner", "Responsável", "OwnerId", User),
    (4, "date", "Data", "Date", DateTime), (4, "amount", "Valor", "Amount", Money),
    (7, "shared", "Compartilhada", "Shared", Bool), (10, "code", "Código", "Code", String),
    (14, "quantity", "Quantidade", "Quantity", Decimal), (20, "quantity", "Quantidade", "Quantity", Decimal),
];

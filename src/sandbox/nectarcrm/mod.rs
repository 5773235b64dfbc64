//! NectarCRM, simulated: an array at the root of every list, pages by `page` and `displayLength`, filters that are ignored
//! when they are not known, lists that hold one status only, and absent values in four spellings.
//! This file knows the token and the routes; the nouns of the API are the files beside it.

mod agenda;
mod contatos;
mod funis;
mod loose;
mod noun;
mod oportunidades;
mod people;
mod produtos;
mod propostas;
mod qualificacoes;

use super::Vendor;
use super::ask::{Answer, Ask};
use super::churn::Subject;
use super::world::World;

use agenda::{COMPROMISSOS, PARTICIPANTS, TAREFAS};
use contatos::{ADDRESSES, CONTATOS, EMPLOYERS, PARENTS, RELATED};
use funis::PIPELINES;
use noun::{Noun, not_found};
use oportunidades::{LINES, OPORTUNIDADES};
use produtos::{DEPENDENTS, PRODUTOS};
use propostas::PROPOSTAS;
use qualificacoes::QUALIFICACOES;

/// Answers a request. Nouns go by their plural and, where the vendor's documents differ, their singular; a slash at the
/// end makes no difference.
pub(crate) fn answer(world: &World, ask: &Ask) -> Answer {
    if !admitted(ask) {
        return Answer::text(401, "Invalid token");
    }
    let parts: Vec<&str> = ask.path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["contatos"] => contatos::answer(world, ask),
        ["contatos", id] => CONTATOS.one(world, id),
        ["oportunidades"] => oportunidades::answer(world, ask),
        ["oportunidades", id] => OPORTUNIDADES.one(world, id),
        ["qualificacoes" | "qualificacao"] => qualificacoes::answer(world, ask),
        ["qualificacoes" | "qualificacao", id] => QUALIFICACOES.one(world, id),
        ["compromissos"] => agenda::appointments(world, ask),
        ["compromissos", id] => COMPROMISSOS.one(world, id),
        ["tarefas"] => agenda::tasks(world, ask),
        ["tarefas", id] => TAREFAS.one(world, id),
        ["produtos" | "produto"] => produtos::answer(world, ask),
        ["produtos" | "produto", id] => PRODUTOS.one(world, id),
        ["pipelines" | "pipeline"] => funis::answer(world, ask),
        ["pipelines" | "pipeline", id] => PIPELINES.one(world, id),
        ["proposta"] => propostas::answer(world, ask),
        ["proposta", "opportunity", id] => propostas::of_opportunity(world, id),
        ["proposta", id] => PROPOSTAS.one(world, id),
        _ => not_found(),
    }
}

/// The rows of every table, those exploded from arrays too.
pub(crate) fn row_counts(world: &World) -> Vec<(&'static str, u64)> {
    let rows = |noun: &Noun| (noun.table(), noun.live(world));
    let items = |noun: &Noun, child: (&'static str, u64)| (child.0, noun.all_children(world, child));
    vec![
        rows(&COMPROMISSOS),
        items(&COMPROMISSOS, PARTICIPANTS),
        rows(&CONTATOS),
        items(&CONTATOS, RELATED),
        items(&CONTATOS, ADDRESSES),
        items(&CONTATOS, PARENTS),
        items(&CONTATOS, EMPLOYERS),
        items(&CONTATOS, contatos::FIELDS),
        rows(&OPORTUNIDADES),
        items(&OPORTUNIDADES, LINES),
        items(&OPORTUNIDADES, oportunidades::FIELDS),
        rows(&PROPOSTAS),
        rows(&PIPELINES),
        (funis::STAGES, funis::stage_count(world)),
        rows(&PRODUTOS),
        items(&PRODUTOS, DEPENDENTS),
        rows(&QUALIFICACOES),
        items(&QUALIFICACOES, qualificacoes::FIELDS),
        rows(&TAREFAS),
    ]
}

/// The tables that change. Proposals go with their opportunities.
pub(crate) fn churning(world: &World) -> Vec<Subject> {
    let mut deals = OPORTUNIDADES.subject(world);
    deals.after = Some(propostas::opportunity_changed);
    deals.along = &["nectarcrm.oportunidades_propostas"];
    let others = [&CONTATOS, &QUALIFICACOES, &COMPROMISSOS, &TAREFAS, &PRODUTOS];
    others.into_iter().map(|noun| noun.subject(world)).chain([deals]).collect()
}

/// The token goes into a header or, for browsers, into the address.
fn admitted(ask: &Ask) -> bool {
    let token = Vendor::named("nectarcrm").map(|vendor| vendor.token);
    let sent = [ask.header("access-token"), ask.param("api_token")];
    token.is_some() && sent.contains(&token)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;
    use crate::sandbox::{Sandbox, stamp};

    fn get(world: &World, path: &str, query: &str) -> Answer {
        answer(world, &Ask::of(path, query, &[("access-token", Sandbox::token("nectarcrm"))]))
    }

    fn page(world: &World, path: &str, query: &str) -> Vec<Value> {
        let answer = get(world, path, query);
        assert_eq!(answer.status, 200, "{path}?{query}");
        answer.value().as_array().unwrap().clone()
    }

    fn ids(records: &[Value]) -> Vec<u64> {
        records.iter().map(|record| record["id"].as_u64().unwrap()).collect()
    }

    /// Reads a list as a careful client does: until a page is empty or holds nothing new.
    fn read(world: &World, path: &str, query: &str) -> Vec<Value> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for number in 1.. {
            let before = all.len();
            let records = page(world, path, &format!("page={number}&displayLength=50&{query}"));
            all.extend(records.into_iter().filter(|record| seen.insert(record["id"].as_u64().unwrap())));
            if all.len() == before {
                break;
            }
        }
        all
    }

    /// All records of all nouns, by table.
    fn read_all(world: &World) -> HashMap<&'static str, Vec<Value>> {
        let each = |path, name, values: std::ops::Range<u64>| -> Vec<Value> {
            values.flat_map(|value| read(world, path, &format!("{name}={value}"))).collect()
        };
        HashMap::from([
            ("compromissos", read(world, "/compromissos/", "")),
            ("contatos", read(world, "/contatos", "")),
            ("oportunidades", each("/oportunidades/", "status", 1..6)),
            ("oportunidades_propostas", read(world, "/proposta/", "")),
            ("pipelines", each("/pipelines", "type", 0..2)),
            ("produtos", read(world, "/produtos", "")),
            ("qualificacoes", each("/qualificacoes/", "status", 1..7)),
            ("tarefas", read(world, "/tarefas/", "")),
        ])
    }

    #[test]
    fn every_table_answers_as_many_rows_as_are_counted() {
        for large in [0, 1, 2, 7, 130, 420] {
            check_counts(&World::new(3, large, &[]));
            check_counts(&World::churned(3, large));
        }
    }

    fn check_counts(world: &World) {
        let all = read_all(world);
        for (table, rows) in row_counts(world) {
            let table = table.strip_prefix("nectarcrm.").unwrap();
            let found = match table.split_once("__") {
                None => all[table].len(),
                Some((parent, array)) => {
                    let array = array.replace('_', "");
                    let items = |record: &Value| {
                        let member = record.as_object()?.iter().find(|(name, _)| name.to_lowercase() == array)?;
                        Some(match member.1 {
                            Value::Array(items) => items.len(),
                            Value::Object(fields) => fields.len(),
                            _ => return None,
                        })
                    };
                    all[parent].iter().filter_map(items).sum()
                }
            };
            assert_eq!(found as u64, rows, "{table} of {}", world.large);
        }
    }

    #[test]
    fn rows_of_single_tables_can_be_fixed() {
        let fixed = [
            "contatos",
            "contatos__enderecos",
            "oportunidades_propostas",
            "pipelines__sequencias",
            "produtos__produtos",
        ];
        let table_rows: Vec<_> = fixed.iter().map(|name| (format!("nectarcrm.{name}"), 23)).collect();
        let world = World::new(3, 10, &table_rows);
        let counts: HashMap<_, _> = row_counts(&world).into_iter().collect();
        assert!(table_rows.iter().all(|(table, rows)| counts[table.as_str()] == *rows));
        assert_eq!(read(&world, "/proposta", "").len(), 23);
        let deals = (1..6).flat_map(|status| read(&world, "/oportunidades", &format!("status={status}")));
        let proposals = deals.map(|deal| {
            let answer = get(&world, &format!("/proposta/opportunity/{}", deal["id"]), "");
            if answer.status == 404 {
                0
            } else {
                answer.value().as_array().unwrap().len()
            }
        });
        assert_eq!(proposals.sum::<usize>(), 23);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let body = |seed| get(&World::new(seed, 90, &[]), "/oportunidades", "displayLength=200").body;
        assert_eq!(body(4), body(4));
        assert_ne!(body(4), body(5));
    }

    #[test]
    fn a_wrong_token_gets_bare_text() {
        let world = World::new(1, 10, &[]);
        let token = Sandbox::token("nectarcrm");
        for headers in [
            &[][..],
            &[("access-token", "x")],
            &[("api-token", token)],
            &[("authorization", token)],
        ] {
            let refused = answer(&world, &Ask::of("/contatos", "", headers));
            assert_eq!((refused.status, refused.body.as_slice()), (401, &b"Invalid token"[..]));
        }
        assert_eq!(
            answer(&world, &Ask::of("/contatos", &format!("api_token={token}"), &[])).status,
            200
        );
    }

    #[test]
    fn pages_are_as_long_as_the_noun_allows() {
        let world = World::new(1, 1000, &[]);
        let length = |path, query| page(&world, path, query).len();
        assert_eq!(length("/oportunidades", ""), 50);
        assert_eq!(length("/oportunidades", "displayLength=500"), 200);
        assert_eq!(length("/contatos/", "displayLength=200"), 50);
        assert_eq!(length("/contatos/", "page=-1"), 200);
        assert_eq!(length("/qualificacoes/", "displayLength=200&page=2"), 15);
        assert_eq!(length("/contatos", "page=20"), 50);
    }

    #[test]
    fn past_the_end_is_nothing_or_the_last_page_again() {
        let world = World::new(1, 110, &[]);
        assert!(page(&world, "/contatos", "page=9").is_empty());
        assert!(page(&world, "/oportunidades", "page=9").is_empty());
        let last = page(&world, "/qualificacoes", "page=2");
        assert!(!last.is_empty() && last == page(&world, "/qualificacoes", "page=77"));
        assert_eq!(
            page(&world, "/tarefas", "page=3"),
            page(&world, "/tarefas", "page=9223372036854775807")
        );
    }

    #[test]
    fn only_known_filters_filter() {
        let world = World::new(1, 300, &[]);
        let open = read(&world, "/oportunidades", "");
        assert!(open.iter().all(|deal| deal["status"] == 1));
        for ignored in ["etapa=1", "idFunilVenda=23", "funil=x", "dataInicioAtualizacaoX=01/01/2026"] {
            assert_eq!(read(&world, "/oportunidades", ignored), open);
        }
        let name = open[0]["funilVenda"]["nome"].as_str().unwrap();
        let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let of_funnel = read(&world, "/oportunidades", &format!("pipeline={encoded}"));
        assert!(!of_funnel.is_empty() && of_funnel.len() < open.len());
        assert!(
            of_funnel
                .iter()
                .all(|deal| deal["pipeline"].as_str().is_none_or(|found| found.is_empty() || found == name))
        );
        assert!(read(&world, "/qualificacoes", "").iter().all(|lead| lead["status"] == 1));
        let kinds = read(&world, "/contatos", "constante=0,1,2,3,4,5");
        assert_eq!(kinds.len(), 300);
        assert!(
            read(&world, "/contatos", "constante=5")
                .iter()
                .all(|contact| contact["constante"] == 5)
        );
    }

    #[test]
    fn days_of_change_are_whole_days_of_sao_paulo() {
        check_days(&World::new(1, 900, &[]));
        check_days(&World::churned(1, 900));
    }

    fn check_days(world: &World) {
        for path in ["/contatos", "/oportunidades", "/qualificacoes"] {
            let all = read(world, path, "");
            let some = read(world, path, "dataInicioAtualizacao=10/03/2025&dataFimAtualizacao=20/05/2026");
            let within = |record: &&Value| {
                let text = record["dataAtualizacao"].as_str().unwrap();
                let day = stamp::date_text(stamp::read(text).unwrap().ticks - 3 * stamp::HOUR);
                ("2025-03-10".."2026-05-21").contains(&day.as_str())
            };
            let expected: Vec<Value> = all.iter().filter(within).cloned().collect();
            assert!(!some.is_empty() && some.len() < all.len());
            assert_eq!(ids(&some), ids(&expected));
        }
        for wrong in ["dataInicioAtualizacao=2025-03-10", "page=x", "displayLength=many", "status=aberta"] {
            assert_eq!(get(world, "/oportunidades", wrong).status, 401);
        }
    }

    #[test]
    fn a_few_years_are_corrupt() {
        let world = World::new(1, 500, &[]);
        let all: Vec<Value> = (1..6)
            .flat_map(|status| read(&world, "/oportunidades", &format!("status={status}")))
            .collect();
        let corrupt = all
            .iter()
            .filter(|deal| deal["dataCriacao"].as_str().is_some_and(|text| text.starts_with("00")));
        assert!((10..30).contains(&corrupt.count()));
    }

    #[test]
    fn routes_go_by_several_names() {
        let world = World::new(1, 60, &[]);
        for (one, other) in [
            ("/pipelines", "/pipeline/"),
            ("/produtos", "/produto/"),
            ("/qualificacoes/", "/qualificacao"),
            ("/contatos", "/contatos/"),
        ] {
            assert_eq!(page(&world, one, "page=-1&type=1"), page(&world, other, "page=-1&type=1"));
        }
        let deal = page(&world, "/oportunidades", "").remove(0);
        assert_eq!(get(&world, &format!("/oportunidades/{}", deal["id"]), "").value(), deal);
        assert_eq!(get(&world, "/oportunidades/1", "").status, 404);
        assert_eq!(get(&world, "/leads", "").status, 404);
        let short = page(&world, "/contatos", "attribute=id&attribute=nome");
        assert!(short.iter().all(|contact| contact.as_object().unwrap().keys().eq(["id", "nome"])));
    }

    #[test]
    fn proposals_are_the_same_from_both_routes() {
        check_proposals(&World::new(1, 50, &[]));
        check_proposals(&World::churned(1, 50));
    }

    fn check_proposals(world: &World) {
        let mut statuses = HashSet::new();
        let mut found = Vec::new();
        for deal in (1..6).flat_map(|status| read(world, "/oportunidades", &format!("status={status}"))) {
            let answer = get(world, &format!("/proposta/opportunity/{}", deal["id"]), "");
            statuses.insert((answer.status, answer.body == b"[]"));
            if answer.status == 200 {
                let proposals = answer.value().as_array().unwrap().clone();
                assert!(proposals.iter().all(|proposal| proposal["oportunidade"]["id"] == deal["id"]));
                found.extend(proposals);
            }
        }
        assert_eq!(statuses, HashSet::from([(200, true), (200, false), (404, false)]));
        let mut listed = read(world, "/proposta/", "");
        for records in [&mut listed, &mut found] {
            records.sort_by_key(|record| record["id"].as_u64());
        }
        assert_eq!(listed, found);
    }

    #[test]
    fn the_spellings_of_the_documents_all_occur() {
        let world = World::new(1, 400, &[]);
        let all = read_all(&world);
        let has = |table: &str, path: &str| all[table].iter().any(|record| !at(record, path).is_empty());
        for (table, paths) in [
            (
                "contatos",
                "contatoPai.id contaPai.id contatosPai.empresa.id contatosPai.empresaId empresasAtuais.contatoId",
            ),
            (
                "produtos",
                "subCategoria.id subcategoria.id isDescontoPorcentual descontoPorcentual isComissaoPorcentual comissaoPorcentual",
            ),
            ("tarefas", "tarefaTipo.id modeloTarefa.tarefaTipo.id"),
            (
                "compromissos",
                "participantes.usuario.id participantes.contato.id participantes.email oportunidade.funilVenda.id",
            ),
            (
                "oportunidades",
                "produtos.refId produtos.produto.categoria.nome camposPersonalizados.Data",
            ),
        ] {
            for path in paths.split(' ') {
                let path = path.replace(".Data", ".Data do Pagamento");
                assert!(has(table, &path), "{table}: {path}");
            }
        }
        let lines = all["oportunidades"].iter().filter_map(|deal| deal["produtos"].as_array()).flatten();
        assert!(lines.clone().any(|line| line.get("produto").is_none()) && lines.count() > 100);
        let special: HashSet<u64> = all["oportunidades"].iter().filter_map(|deal| deal["etapa"].as_u64()).collect();
        assert!((1002..=1005).all(|code| special.contains(&code)) && special.contains(&1));
        let revenue: HashSet<bool> = all["contatos"]
            .iter()
            .filter_map(|c| c.get("receitaAnual"))
            .map(Value::is_string)
            .collect();
        assert_eq!(revenue.len(), 2);
    }

    #[test]
    fn every_documented_member_has_a_value_somewhere() {
        // A single row is the first row, which must be complete.
        for large in [1, 60] {
            let world = World::new(9, large, &[]);
            let all = read_all(&world);
            for (table, members) in MEMBERS {
                for member in members.split_whitespace() {
                    let found = all[table]
                        .iter()
                        .any(|record| member.split('|').any(|path| !at(record, path).is_empty()));
                    assert!(found, "{table}: {member} of {large}");
                }
            }
        }
    }

    /// The values at a dotted path, through arrays, that are not empty.
    fn at<'a>(record: &'a Value, path: &str) -> Vec<&'a Value> {
        let mut values = vec![record];
        for name in path.split('.') {
            let step = |value: &'a Value| match value {
                Value::Array(items) => items.iter().filter_map(|item| item.get(name)).collect(),
                other => other.get(name).into_iter().collect::<Vec<_>>(),
            };
            values = values.into_iter().flat_map(step).collect();
        }
        let empty = ["null", "\"\"", "{}", "[]"];
        values
            .into_iter()
            .filter(|value| !empty.contains(&value.to_string().as_str()))
            .collect()
    }

    const MEMBERS: [(&str, &str); 8] = [
        (
            "compromissos",
            "id assunto autor.id autor.login autor.nome autorAtualizacao.id autorAtualizacao.login autorAtualizacao.nome
            cliente.cnpj cliente.diasSemInteracao cliente.email cliente.emailPrincipal cliente.empresa cliente.id
            cliente.isEmpresa cliente.nome cliente.razaoSocial cliente.telefone cliente.telefonePrincipal dataAtualizacao
            dataCriacao dataFim dataInicio descricao diaInteiro endereco oportunidade.diasEstagnacaoNaEtapa
            oportunidade.diasSemInteracao oportunidade.funilVenda oportunidade.quantidadeProdutos oportunidade.temperatura
            oportunidade.valorTotalDescontos responsavel.id responsavel.login responsavel.nome status participantes.email
            participantes.id participantes.nome participantes.participar participantes.usuario.ativo
            participantes.usuario.id participantes.usuario.login participantes.usuario.nome",
        ),
        (
            "contatos",
            "id ativo autor.id autor.login autor.nome autorAtualizacao.id autorAtualizacao.login autorAtualizacao.nome blocked
            categoria categoriaObject.ativo categoriaObject.id categoriaObject.nome cnpj compromissos constante contatoPai.cnpj
            contatoPai.diasSemInteracao contatoPai.email contatoPai.emailPrincipal contatoPai.emails contatoPai.empresa
            contatoPai.id contatoPai.isEmpresa contatoPai.nome contatoPai.razaoSocial contatoPai.telefones dataAtualizacao
            dataCriacao diasSemInteracao email emailPrincipal emails empresa empresaAtual.cnpj empresaAtual.diasSemInteracao
            empresaAtual.email empresaAtual.emailPrincipal empresaAtual.emails empresaAtual.empresa empresaAtual.id
            empresaAtual.isEmpresa empresaAtual.nome empresaAtual.razaoSocial empresaAtual.telefones facebook indicadoPor
            integradoRD isEmpresa linkedin nome observacao oportunidades origem origemObject.id origemObject.nome
            qtdeQualificacoes razaoSocial receitaAnual responsavel.id responsavel.login responsavel.nome segmento
            segmentoObject.id segmentoObject.nome site skype tarefas telefones tipoEntidade.id tipoEntidade.nome twitter
            contatos.cargo contatos.diasSemInteracao contatos.email contatos.emailPrincipal contatos.id contatos.nome
            enderecos.cep enderecos.complemento enderecos.endereco enderecos.id enderecos.numero enderecos.principal
            enderecos.searchByCep enderecos.tipo contatosPai.contato.id contatosPai.dataAtualizacao contatosPai.empresa.id
            contatosPai.empresaPrincipal empresasAtuais.contato.id empresasAtuais.dataAtualizacao empresasAtuais.empresa.id
            empresasAtuais.empresaPrincipal",
        ),
        (
            "oportunidades",
            "id atividadesAtrasadas autor.id autor.login autor.nome autorAtualizacao.id autorAtualizacao.login
            autorAtualizacao.nome cliente.cnpj cliente.diasSemInteracao cliente.email cliente.emailPrincipal cliente.empresa
            cliente.id cliente.isEmpresa cliente.nome cliente.razaoSocial cliente.telefone cliente.telefonePrincipal codigo
            compromissos dataAtualizacao dataCriacao dataLimite diasEstagnacaoNaEtapa diasSemInteracao etapa
            etapaAtual.gerarProposta etapaAtual.id etapaAtual.nome etapaAtual.prazo etapaAtual.produtoObrigatorio
            etapaAtual.sequencia etapaNome funilVenda.cascataCicloVida funilVenda.id funilVenda.nome funilVenda.padrao nome
            observacao pipeline probabilidade quantidadeProdutos responsavel.id responsavel.login responsavel.nome
            stageEntryDate status tarefas temperatura valorAvulso valorMensal valorTotal valorTotalDescontos vendaBase
            produtos.id produtos.produto.id produtos.acrescimo produtos.acrescimoPercentual produtos.codigo produtos.desconto
            produtos.descricao produtos.grupoNome produtos.isDescontoPorcentual produtos.moeda produtos.nome
            produtos.produto.acrescimoMaximo produtos.produto.acrescimoPercentual produtos.produto.ativo
            produtos.produto.categoria produtos.produto.codigo produtos.produto.comissao
            produtos.produto.isComissaoPorcentual|produtos.produto.comissaoPorcentual produtos.produto.contador
            produtos.produto.descontoMaximo produtos.produto.isDescontoPorcentual|produtos.produto.descontoPorcentual
            produtos.produto.descricao produtos.produto.fracionario produtos.produto.moeda produtos.produto.nome
            produtos.produto.permiteAcrescimo produtos.produto.permiteDesconto produtos.produto.possuiEstoque
            produtos.produto.quantidadeEstoque produtos.produto.recorrencia
            produtos.produto.subCategoria|produtos.produto.subcategoria produtos.produto.valorBase
            produtos.produto.valorEditavel produtos.quantidade produtos.quantidadeRecorrencia produtos.recorrencia
            produtos.refId produtos.subgrupoNome produtos.valorTotal produtos.valorUnitario",
        ),
        (
            "oportunidades_propostas",
            "oportunidade.id id autor.id autor.login autor.nome codigo codigoFormatado dataCriacao dataProposta
            modeloProposta.id modeloProposta.nome numero oportunidade.codigo oportunidade.nome publicUrl status statusLabel
            versao",
        ),
        (
            "pipelines",
            "id ativo cascataCicloVida iniciarQualquerEtapa modeloVenda moeda motivoDescarteObrigatorio
            motivoGanhoPerdaObrigatorio nome padrao permitePularEtapa permiteRetornoEtapa permiteTarefasAvulsas
            permitirRecorrenciaVariavel propostaObrigatoria showCustomCard tipo tipoRecorrenciaValorFunil ultimaAtualizacao
            sequencias.gerarProposta sequencias.id sequencias.nome sequencias.prazo sequencias.produtoObrigatorio
            sequencias.sequencia",
        ),
        (
            "produtos",
            "id acrescimoMaximo acrescimoPercentual ativo categoria.id categoria.nome codigo comissao
            isComissaoPorcentual|comissaoPorcentual contador descontoMaximo isDescontoPorcentual|descontoPorcentual descricao
            editarProdutosDependentes fracionario isExpiravel moeda nome permiteAcrescimo permiteDesconto possuiEstoque
            quantidadeEstoque recorrencia subCategoria.id|subcategoria.id subCategoria.nome|subcategoria.nome valorBase
            valorEditavel produtos.id produtos.contador produtos.descricao produtos.nome",
        ),
        (
            "qualificacoes",
            "id autor.id autor.login autor.nome autorAtualizacao.id autorAtualizacao.login autorAtualizacao.nome
            autorConclusao.id autorConclusao.login autorConclusao.nome cliente.ativo cliente.email cliente.emailPrincipal
            cliente.empresa cliente.id cliente.isEmpresa cliente.nome codigo compromissos dataAtualizacao dataCriacao
            dataLimite etapa etapaAtual.gerarProposta etapaAtual.id etapaAtual.nome etapaAtual.prazo
            etapaAtual.produtoObrigatorio etapaAtual.sequencia funilVenda.cascataCicloVida funilVenda.id funilVenda.nome
            funilVenda.padrao handRaised pipeline responsavel.id responsavel.login responsavel.nome status tarefas
            tarefasAbertas",
        ),
        (
            "tarefas",
            "id checklist.id checklist.nome cliente.id cliente.isEmpresa cliente.nome dataAtualizacao dataCriacao dataLimite
            descricao prioridade responsavel.id responsavel.login responsavel.nome status tarefaTipo.ativo tarefaTipo.id
            tarefaTipo.natureza tarefaTipo.nome tipo titulo",
        ),
    ];
}
